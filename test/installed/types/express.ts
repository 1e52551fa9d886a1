// Compiled against the packed tarballs by every supported compiler, as an ES module and as CommonJS.
import { createLimiter, type Decision, type Limiter, type MemoryStore, memoryStore, type Store } from '@sluice/core'
import { retryAfterSeconds } from '@sluice/core/http'
import { type Connection, remoteStore } from '@sluice/core/remote'
import { storeSpec } from '@sluice/core/testing'
import { sluice } from '@sluice/express'
import { redisStore } from '@sluice/redis'
import { upstashStore } from '@sluice/upstash'
import express from 'express'

const unset: undefined = undefined

export const app = express()
const limit = sluice({ store: process.env['SLUICE_STORE'], key: unset, timeoutMs: unset, onStoreError: unset })
app.use(limit('1000/hour', { name: unset, cost: unset, skip: unset, refund: unset, headers: unset, warnAt: unset }))
app.post('/login', limit(['5/15min', '50/day'], { key: (req) => req.get('x-user') ?? '' }), (req, res) => {
  const decision: Decision | undefined = req.rateLimit
  res.json({ remaining: decision?.binding?.remaining, again: res.locals.rateLimit?.allowed })
})
app.get('/users/:id', limit('10/s'), (req, res) => {
  const id: string = req.params.id
  res.send(id)
})
app.use('/api', limit('100/min'), express.Router().use(limit('10/min')))
limit.on('denied', ({ request, decision }) => console.log(request.path, decision.allowed))

export const local: Limiter<MemoryStore> = createLimiter({ policies: ['10/s', '1000/day'], name: unset, store: unset })
export const atOnce: Decision = local.consume('key', { cost: unset })
export const memory: Store = memoryStore({ maxKeys: unset, clock: unset })
export const redis: Store = redisStore('redis://localhost', { prefix: unset, hashKeys: unset, rememberDenials: unset })
export const shared: Limiter<Store> = createLimiter({ policies: '10/s', store: redis })
export const upstash: Store = upstashStore('upstash:?prefix=shop', { clock: unset })
export const custom = (connection: Connection): Store => remoteStore('mine', connection, {})
export const wait: number | undefined = retryAfterSeconds(atOnce.standings)
export const specification: unknown = storeSpec
