import { conformance } from './suite.ts'

conformance([
  { title: 'Fastify 5', example: 'fastify', module: 'fastify' },
  { title: 'Fastify 4', example: 'fastify', module: 'fastify4' },
])
