import { dashboard } from '@sluice/dashboard'
import { clientKey, concurrency, leakyBucket, plans, slidingLog, sluice, tokenBucket } from '@sluice/express'
import { quota } from '@sluice/quota'
import express from 'express'

const limit = sluice({ store: process.env.SLUICE_STORE })
const apiKey = (req) => req.get('x-api-key') ?? clientKey(req.ip)

const app = express()
app.disable('x-powered-by')

const ok = (_req, res) => res.json({ ok: true })

// By IP address.
app.get('/hello', limit('100/min', { name: 'hello' }), ok)
app.post('/login', limit('5/min', { name: 'login', refund: 'successful' }), express.json(), (req, res) => {
  if (req.body?.password === 'right') res.json({ ok: true })
  else res.status(401).json({ ok: false })
})

// By API key, or by IP address when there is none.
app.get('/search', limit(['10/s', '1000/day'], { name: 'search', key: apiKey }), ok)
app.get('/burst', limit(tokenBucket('5/s', { burst: 10 }), { name: 'burst', key: apiKey }), ok)
app.get('/smooth', limit(leakyBucket('10/s', { queue: 20 }), { name: 'smooth', key: apiKey }), ok)
app.get('/exact', limit(slidingLog('20/min'), { name: 'exact', key: apiKey }), ok)
app.get('/cost', limit('100/min', { name: 'cost', key: apiKey, cost: (req) => Number(req.query.units ?? 1) }), ok)
app.get(
  '/plan',
  limit((req) => (req.get('x-api-key')?.startsWith('pro-') ? '100/min' : '10/min'), { name: 'plan', key: apiKey }),
  ok,
)
app.get('/soft', limit('50/min', { name: 'soft', key: apiKey, warnAt: 0.8 }), ok)
app.get('/shadow', limit('1/min', { name: 'shadow', key: apiKey, shadow: true }), ok)

// Quotas: so much in a calendar period, or ever.
app.get('/quota', limit(quota('1k/month', { soft: true }), { name: 'quota', key: apiKey, warnAt: 0.5 }), ok)
app.get('/trial', limit(quota('3/lifetime'), { name: 'trial', key: apiKey }), ok)
const units = (req) => Number(req.query.units ?? 1)
const count = limit(quota('1k/day'), { name: 'count', key: apiKey, cost: units, id: (req) => req.query.id })
app.post('/count', count, (req, res) => res.json({ counted: !req.rateLimit.repeated }))
app.get('/rate_limit', limit.usage({ key: apiKey }))

const tiers = { free: ['10/min', quota('100/day')], pro: ['100/min', quota('10k/day')] }
const tier = limit(
  plans(tiers, (req) => req.get('x-plan') ?? 'free'),
  { name: 'tier', key: apiKey },
)
app.get('/tier', tier, (req, res) => res.json({ plan: req.rateLimit.plan }))

// So many at once, and what a request really costs.
const two = concurrency(2, { queue: { size: 2, timeoutMs: 1_000 } })
app.get('/export', limit(two, { name: 'export', key: apiKey }), (req, res) => {
  setTimeout(() => res.json({ ok: true }), Number(req.query.ms ?? 0))
})
app.get('/slow', limit('5/min', { name: 'slow', key: apiKey, delay: { stepMs: 200, maxMs: 1_000 } }), ok)
app.post('/units', limit('1000/min', { name: 'units', key: apiKey, cost: 100 }), async (req, res) => {
  res.json({ settled: await req.rateLimit.settle(Number(req.query.actual)) })
})
app.get('/bytes', limit('10kB/min', { name: 'bytes', key: apiKey }), (req, res) => {
  res.send(Buffer.alloc(Number(req.query.n ?? 0)))
})

// Who is shut out, and who is not limited.
const ban = { after: 5, within: '1min', for: '1min' }
app.get('/ban', limit('2/min', { name: 'ban', key: apiKey, ban }), ok)
app.get('/allowed', limit('1/min', { name: 'allowed', key: apiKey, allow: ['office'] }), ok)
app.get('/health', ok)

// What limits do, to look at and act on; open to this machine alone.
app.use('/_sluice', dashboard(limit))

const server = app.listen(Number(process.env.PORT ?? 3000), (error) => {
  if (error) throw error
  console.log(`Listening on http://localhost:${server.address().port}`)
})
