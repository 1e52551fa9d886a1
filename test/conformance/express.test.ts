import { conformance } from './suite.ts'

conformance([
  { title: 'Express 5', example: 'express', module: 'express' },
  { title: 'Express 4', example: 'express', module: 'express4' },
])
