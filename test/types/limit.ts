// What the editor must accept and refuse; checked by the compiler alone.
import { createLimiter, type Decision, memoryStore, slidingWindow, tokenBucket } from '@sluice/core'
import { sluice as forExpress } from '@sluice/express'
import { sluice as forFastify } from '@sluice/fastify'
import { sluice as forKoa } from '@sluice/koa'

const limit = forExpress()
declare const fromConfig: string

limit('100/min')
limit('1.5M tokens/day', { name: 'llm', cost: (req) => Number(req.get('x-tokens')) })
limit(['10/s', '1000/day'])
limit(['10/s', tokenBucket('1000/day', { burst: 10 })])
limit(slidingWindow('100/min', { subWindows: 10 }), { warnAt: [0.8, 0.95], headers: ['draft', 'legacy'] })
limit(fromConfig)
limit((req) => (req.get('x-plan') === 'pro' ? '100/min' : ['10/min', '50/day']))
limit(async () => tokenBucket('10/s'))
forKoa()('100/min', { key: (ctx) => ctx.get('x-api-key') })
forFastify()('100/min', { key: (request) => request.ip })

// @ts-expect-error a window that is none
limit('100/mintue')
// @ts-expect-error a count that is none
limit('many/min')
// @ts-expect-error nothing at all
limit('0/min')
// @ts-expect-error one of several is wrong
limit(['10/s', '1000/dya'])
// @ts-expect-error a constructor reads the same texts
tokenBucket('10/sex')
// @ts-expect-error an option of another algorithm
slidingWindow('10/s', { burst: 40 })
// @ts-expect-error an option that is not known
limit('10/s', { warnat: 0.8 })
// @ts-expect-error a dialect that is not known
limit('10/s', { headers: 'draft-8' })
// @ts-expect-error a refund that is not known
limit('10/s', { refund: 'always' })
// @ts-expect-error a key is a string
limit('10/s', { key: () => 7 })
// @ts-expect-error the texts of createLimiter are checked too
createLimiter({ policies: '10/sex' })

const atOnce: Decision = createLimiter({ policies: ['10/s', '1000/day'] }).consume('key')
const alsoAtOnce: Decision = createLimiter({ policies: '10/s', store: memoryStore() }).consume('key')
const chosen: Promise<Decision> | Decision = createLimiter({ policies: '10/s', store: process.env['STORE'] }).consume(
  'key',
)
// @ts-expect-error a store chosen by URL may answer later
const later: Decision = createLimiter({ policies: '10/s', store: fromConfig }).consume('key')

export { alsoAtOnce, atOnce, chosen, later }
