// Compiled against the packed tarballs by every supported compiler, as an ES module and as CommonJS.

import { type ConfigFile, loadConfig } from '@sluice/config'
import { createLimiter, type Decision, type Limiter, type MemoryStore, memoryStore, type Store } from '@sluice/core'
import { retryAfterSeconds } from '@sluice/core/http'
import { type Connection, remoteStore } from '@sluice/core/remote'
import { storeSpec } from '@sluice/core/testing'
import { ledger, plans, sluice } from '@sluice/express'
import { callOf, llm } from '@sluice/llm'
import { quota } from '@sluice/quota'
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

const monthly = quota('10k/month', { timeZone: 'Europe/Berlin', anchor: 31, overage: 5, name: unset, rollover: unset })
// @ts-expect-error a week begins on a weekday.
quota('1k/week', { anchor: 3 })
// @ts-expect-error there is no such period.
quota('1k/fortnight')
const tiers = plans({ free: ['10/min', monthly], pro: '100/min' }, (req: express.Request) => req.get('x-plan') ?? '')
app.get('/tier', limit(tiers, { name: 'tier', id: (req) => req.get('x-id') }), (req, res) => {
  res.json({ plan: req.rateLimit?.plan, over: req.rateLimit?.binding?.period?.over })
})
app.get('/rate_limit', limit.usage({ key: (req) => req.get('x-user') ?? '' }))
export const books: unknown = sluice({ ledger: ledger({ write: async (records) => records.map(({ id }) => id) }) })
export const file: ConfigFile = { limits: { login: '5/15min', api: { policies: { quota: '1k/day' }, key: 'ip' } } }
export const fromFile = async (): Promise<void> => {
  app.post('/login', sluice(await loadConfig({ watch: true })).named('login', { key: (req) => req.path }))
}
export const used = async (): Promise<number | undefined> => {
  await shared.grant('a', 5, { id: 'payment', expiresAt: new Date() })
  await shared.override('a', ['10/s', monthly], { reason: 'launch' })
  return (await shared.usage('a'))['api']?.used
}

const chat = llm({
  provider: 'openai',
  limits: [
    '60/min',
    '100k tokens/min',
    { policy: '1M input tokens/min', name: 'model', key: (_req, call) => call.model },
  ],
  prices: { 'gpt-5': { input: 1.25, output: 10, cachedInput: undefined } },
  onCharged: ({ microDollars, model }) => console.log(model, microDollars),
})
app.post('/chat', limit(chat, { name: 'chat', key: (req) => req.get('x-api-key') ?? 'none' }), (req, res) => {
  const signal: AbortSignal | undefined = callOf(req)?.signal
  res.json(signal?.aborted)
})
app.post(
  '/own',
  limit(llm({ provider: 'gemini', limits: [{ policy: '$5/day', key: (req) => req.ip ?? '' }], prices: {} })),
)
limit('$5/day')
limit('600 inference s/hour')
// @ts-expect-error dollars have at most six decimals
limit('$0.0000001/day')
