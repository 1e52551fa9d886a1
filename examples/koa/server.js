import { setTimeout as sleep } from 'node:timers/promises'
import Router from '@koa/router'
import { dashboard } from '@sluice/dashboard'
import { clientKey, concurrency, leakyBucket, plans, slidingLog, sluice, tokenBucket } from '@sluice/koa'
import { quota } from '@sluice/quota'
import Koa from 'koa'

const limit = sluice({ store: process.env.SLUICE_STORE })
const apiKey = (ctx) => ctx.get('x-api-key') || clientKey(ctx.ip)

const router = new Router()

const ok = (ctx) => {
  ctx.body = { ok: true }
}

// By IP address.
router.get('/hello', limit('100/min', { name: 'hello' }), ok)
router.post('/login', limit('5/min', { name: 'login', refund: 'successful' }), async (ctx) => {
  const { password } = await readJson(ctx.req)
  ctx.status = password === 'right' ? 200 : 401
  ctx.body = { ok: ctx.status === 200 }
})

// By API key, or by IP address when there is none.
router.get('/search', limit(['10/s', '1000/day'], { name: 'search', key: apiKey }), ok)
router.get('/burst', limit(tokenBucket('5/s', { burst: 10 }), { name: 'burst', key: apiKey }), ok)
router.get('/smooth', limit(leakyBucket('10/s', { queue: 20 }), { name: 'smooth', key: apiKey }), ok)
router.get('/exact', limit(slidingLog('20/min'), { name: 'exact', key: apiKey }), ok)
router.get('/cost', limit('100/min', { name: 'cost', key: apiKey, cost: (ctx) => Number(ctx.query.units ?? 1) }), ok)
router.get(
  '/plan',
  limit((ctx) => (ctx.get('x-api-key').startsWith('pro-') ? '100/min' : '10/min'), { name: 'plan', key: apiKey }),
  ok,
)
router.get('/soft', limit('50/min', { name: 'soft', key: apiKey, warnAt: 0.8 }), ok)
router.get('/shadow', limit('1/min', { name: 'shadow', key: apiKey, shadow: true }), ok)

// Quotas: so much in a calendar period, or ever.
router.get('/quota', limit(quota('1k/month', { soft: true }), { name: 'quota', key: apiKey, warnAt: 0.5 }), ok)
router.get('/trial', limit(quota('3/lifetime'), { name: 'trial', key: apiKey }), ok)
const units = (ctx) => Number(ctx.query.units ?? 1)
const count = limit(quota('1k/day'), { name: 'count', key: apiKey, cost: units, id: (ctx) => ctx.query.id })
router.post('/count', count, (ctx) => {
  ctx.body = { counted: !ctx.state.rateLimit.repeated }
})
router.get('/rate_limit', limit.usage({ key: apiKey }))

const tiers = { free: ['10/min', quota('100/day')], pro: ['100/min', quota('10k/day')] }
const tier = limit(
  plans(tiers, (ctx) => ctx.get('x-plan') || 'free'),
  { name: 'tier', key: apiKey },
)
router.get('/tier', tier, (ctx) => {
  ctx.body = { plan: ctx.state.rateLimit.plan }
})

// So many at once, and what a request really costs.
const two = concurrency(2, { queue: { size: 2, timeoutMs: 1_000 } })
router.get('/export', limit(two, { name: 'export', key: apiKey }), async (ctx) => {
  await sleep(Number(ctx.query.ms ?? 0))
  ctx.body = { ok: true }
})
router.get('/slow', limit('5/min', { name: 'slow', key: apiKey, delay: { stepMs: 200, maxMs: 1_000 } }), ok)
router.post('/units', limit('1000/min', { name: 'units', key: apiKey, cost: 100 }), async (ctx) => {
  ctx.body = { settled: await ctx.state.rateLimit.settle(Number(ctx.query.actual)) }
})
router.get('/bytes', limit('10kB/min', { name: 'bytes', key: apiKey }), (ctx) => {
  ctx.body = Buffer.alloc(Number(ctx.query.n ?? 0))
})

// Who is shut out, and who is not limited.
const ban = { after: 5, within: '1min', for: '1min' }
router.get('/ban', limit('2/min', { name: 'ban', key: apiKey, ban }), ok)
router.get('/allowed', limit('1/min', { name: 'allowed', key: apiKey, allow: ['office'] }), ok)
router.get('/health', ok)

async function readJson(request) {
  let text = ''
  for await (const chunk of request) text += chunk
  return JSON.parse(text)
}

const app = new Koa()
// What limits do, to look at and act on; open to this machine alone.
app.use(dashboard(limit).koa('/_sluice'))
app.use(router.routes())
const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${server.address().port}`)
})
