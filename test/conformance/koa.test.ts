import { conformance } from './suite.ts'

conformance([
  { title: 'Koa 3', example: 'koa', module: 'koa' },
  { title: 'Koa 2', example: 'koa', module: 'koa2' },
])
