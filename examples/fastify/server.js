import { setTimeout as sleep } from 'node:timers/promises'
import { dashboard } from '@sluice/dashboard'
import { clientKey, concurrency, leakyBucket, plans, slidingLog, sluice, tokenBucket } from '@sluice/fastify'
import { quota } from '@sluice/quota'
import fastify from 'fastify'

const limit = sluice({ store: process.env.SLUICE_STORE })
const apiKey = (request) => request.headers['x-api-key'] ?? clientKey(request.ip)

const app = fastify()

const ok = async () => ({ ok: true })

// By IP address.
app.get('/hello', { onRequest: limit('100/min', { name: 'hello' }) }, ok)
app.post('/login', { onRequest: limit('5/min', { name: 'login', refund: 'successful' }) }, async (request, reply) => {
  const right = request.body?.password === 'right'
  return reply.code(right ? 200 : 401).send({ ok: right })
})

// By API key, or by IP address when there is none.
app.get('/search', { onRequest: limit(['10/s', '1000/day'], { name: 'search', key: apiKey }) }, ok)
app.get('/burst', { onRequest: limit(tokenBucket('5/s', { burst: 10 }), { name: 'burst', key: apiKey }) }, ok)
app.get('/smooth', { onRequest: limit(leakyBucket('10/s', { queue: 20 }), { name: 'smooth', key: apiKey }) }, ok)
app.get('/exact', { onRequest: limit(slidingLog('20/min'), { name: 'exact', key: apiKey }) }, ok)
app.get(
  '/cost',
  { onRequest: limit('100/min', { name: 'cost', key: apiKey, cost: (request) => Number(request.query.units ?? 1) }) },
  ok,
)
const plan = (request) => (request.headers['x-api-key']?.startsWith('pro-') ? '100/min' : '10/min')
app.get('/plan', { onRequest: limit(plan, { name: 'plan', key: apiKey }) }, ok)
app.get('/soft', { onRequest: limit('50/min', { name: 'soft', key: apiKey, warnAt: 0.8 }) }, ok)
app.get('/shadow', { onRequest: limit('1/min', { name: 'shadow', key: apiKey, shadow: true }) }, ok)

// Quotas: so much in a calendar period, or ever.
app.get(
  '/quota',
  { onRequest: limit(quota('1k/month', { soft: true }), { name: 'quota', key: apiKey, warnAt: 0.5 }) },
  ok,
)
app.get('/trial', { onRequest: limit(quota('3/lifetime'), { name: 'trial', key: apiKey }) }, ok)
const units = (request) => Number(request.query.units ?? 1)
const count = limit(quota('1k/day'), { name: 'count', key: apiKey, cost: units, id: (request) => request.query.id })
app.post('/count', { onRequest: count }, async (request) => ({ counted: !request.rateLimit.repeated }))
app.get('/rate_limit', limit.usage({ key: apiKey }))

const tiers = { free: ['10/min', quota('100/day')], pro: ['100/min', quota('10k/day')] }
const tier = limit(
  plans(tiers, (request) => request.headers['x-plan'] ?? 'free'),
  { name: 'tier', key: apiKey },
)
app.get('/tier', { onRequest: tier }, async (request) => ({ plan: request.rateLimit.plan }))

// So many at once, and what a request really costs.
const two = concurrency(2, { queue: { size: 2, timeoutMs: 1_000 } })
app.get('/export', { onRequest: limit(two, { name: 'export', key: apiKey }) }, async (request) => {
  await sleep(Number(request.query.ms ?? 0))
  return { ok: true }
})
const delay = { stepMs: 200, maxMs: 1_000 }
app.get('/slow', { onRequest: limit('5/min', { name: 'slow', key: apiKey, delay }) }, ok)
app.post('/units', { onRequest: limit('1000/min', { name: 'units', key: apiKey, cost: 100 }) }, async (request) => ({
  settled: await request.rateLimit.settle(Number(request.query.actual)),
}))
app.get('/bytes', { onRequest: limit('10kB/min', { name: 'bytes', key: apiKey }) }, async (request) =>
  Buffer.alloc(Number(request.query.n ?? 0)),
)

// Who is shut out, and who is not limited.
const ban = { after: 5, within: '1min', for: '1min' }
app.get('/ban', { onRequest: limit('2/min', { name: 'ban', key: apiKey, ban }) }, ok)
app.get('/allowed', { onRequest: limit('1/min', { name: 'allowed', key: apiKey, allow: ['office'] }) }, ok)
app.get('/health', ok)

// What limits do, to look at and act on; open to this machine alone.
await app.register(dashboard(limit).fastify, { prefix: '/_sluice' })

await app.listen({ port: Number(process.env.PORT ?? 3000), host: '::' })
console.log(`Listening on http://localhost:${app.server.address().port}`)
