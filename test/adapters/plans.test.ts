import { plans, sluice } from '@sluice/express'
import { quota } from '@sluice/quota'
import express, { type Request, type RequestHandler } from 'express'
import request from 'supertest'
import { afterEach, describe, expect, it, vi } from 'vitest'

const ok: RequestHandler = (req, res) => void res.json({ plan: req.rateLimit?.plan })
const app = () => express().set('env', 'test')
const failed: express.ErrorRequestHandler = (error, _req, res, _next) =>
  void res.status(500).json({ code: error.code, message: error.message })

const of = (req: Request) => req.get('x-plan') ?? 'free'

describe('plans', () => {
  it('are chosen by each request, and named by its decision', async () => {
    const limit = sluice()
    const tiers = plans({ free: '3/min', pro: ['300/min', quota('1k/day')] }, of)
    const server = app().get('/', limit(tiers, { name: 'tier' }), ok)
    const free = await request(server).get('/').expect(200, { plan: 'free' })
    expect(free.headers['ratelimit-policy']).toBe('"tier";q=3;w=60')
    const pro = await request(server).get('/').set('x-plan', 'pro').expect(200, { plan: 'pro' })
    expect(pro.headers['ratelimit-policy']).toBe('"tier-1min";q=300;w=60, "tier-day";q=1000;w=86400')
  })

  it.each(['gold', '', '__proto__', 'constructor', 'toString'])(
    'that are none are an error at that request: %j',
    async (plan) => {
      const limit = sluice()
      const server = app().get(
        '/',
        limit(
          plans({ free: '3/min' }, (req: Request) => req.get('x-plan') ?? ''),
          { name: 'tier' },
        ),
        ok,
      )
      const { body } = await request(server.use(failed)).get('/').set('x-plan', plan).expect(500)
      expect(body).toEqual({
        code: 'SLUICE_PLAN',
        message: `There is no plan ${JSON.stringify(plan)}. The plans are: "free".`,
      })
    },
  )

  it('may be named by a promise; one that rejects is that request’s error', async () => {
    const limit = sluice()
    const tiers = plans({ free: '3/min' }, async (req: Request) => {
      if (req.get('x-plan') === 'broken') throw undefined
      return 'free'
    })
    const server = app()
      .get('/', limit(tiers, { name: 'tier' }), ok)
      .use(failed)
    await request(server).get('/').expect(200)
    const { body } = await request(server).get('/').set('x-plan', 'broken').expect(500)
    expect(body.message).toBe('A function of limit "tier" threw undefined instead of an error.')
  })

  it('keep what was used, also where one of them has no more than ten units', async () => {
    const limit = sluice()
    const tiers = plans({ free: ['3/min', quota('10/month')], pro: ['50/min', quota('100/month')] }, of)
    const server = app().get('/', limit(tiers, { name: 'tier' }), ok)
    for (let turn = 0; turn < 3; turn++) await request(server).get('/').expect(200)
    await request(server).get('/').expect(429)
    const pro = await request(server).get('/').set('x-plan', 'pro').expect(200)
    expect(pro.headers['ratelimit']).toMatch(/^"tier-1min";r=46;t=\d+, "tier-month";r=96;t=\d+$/)
  })

  it.each<[string, () => unknown, string]>([
    ['a policy that is none', () => plans({ free: '10/mintue' }, of), 'plan "free": "10/mintue" is not a limit'],
    ['no plans', () => plans({}, of), 'expected at least one plan'],
    ['no function', () => plans({ free: '1/s' }, 'free' as never), 'takes a function that tells a request'],
    ['an array', () => plans(['1/s'] as never, of), 'takes the policies of each plan'],
  ])('are refused at start-up with %s', (_what, make, sentence) => {
    expect(() => sluice()(make() as never, { name: 'tier' })).toThrow(sentence)
  })

  it('can be granted to, reset and overridden by key', async () => {
    const limit = sluice({ key: (req) => req.get('x-key') ?? '' })
    const tier = limit(plans({ free: quota('1/month'), pro: quota('9/month') }, of), { name: 'tier' })
    const server = app().get('/', tier, ok)
    const get = () => request(server).get('/').set('x-key', 'ann')
    await get().expect(200)
    await get().expect(429)
    await tier.grant('ann', 1)
    await get().expect(200)
    await tier.reset('ann')
    await get().expect(200)
    await tier.override('ann', 'unlimited')
    for (let turn = 0; turn < 3; turn++) await get().expect(200)
    expect(() => tier.peek('ann')).toThrow('depend on the request')
  })
})

describe('a function that returns policies', () => {
  it('compiles equal ones once, arrays included', async () => {
    const limit = sluice()
    const seen = new Set<unknown>()
    const server = app().get(
      '/',
      limit(() => ['10/s', { policy: '100/min', name: 'long' }], { name: 'fn' }),
      (req, res) => {
        for (const { policy } of req.rateLimit?.asks ?? []) seen.add(policy)
        res.end()
      },
    )
    for (let turn = 0; turn < 5; turn++) await request(server).get('/')
    expect(seen.size).toBe(2)
  })
})

describe('limits of a configuration', () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  afterEach(() => void warned.mockClear())

  const watched = (first: object) => {
    let apply: ((next: object) => void) | undefined
    let stopped = false
    const watch = (given: (next: object) => void) => {
      apply = given
      return () => {
        stopped = true
      }
    }
    const limit = sluice({ ...first, watch } as never)
    return { limit, apply: (next: object) => apply?.(next), isStopped: () => stopped }
  }

  it('are made by name, with what a file cannot say', async () => {
    const limit = sluice({
      limits: { login: '1/min', api: { plan: of, warnAt: 0.5 } },
      plans: { free: '2/min' },
    })
    const server = app()
      .get('/login', limit.named('login', { key: (req) => req.get('x-user') ?? 'none' }), ok)
      .get('/api', limit.named('api'), ok)
    await request(server).get('/login').set('x-user', 'ann').expect(200)
    await request(server).get('/login').set('x-user', 'bob').expect(200)
    await request(server).get('/login').set('x-user', 'ann').expect(429)
    const { headers } = await request(server).get('/api').expect(200, { plan: 'free' })
    expect(headers['sluice-warning']).toBe('"api";share=0.5')
  })

  it.each(['nope', 'constructor', '__proto__'])('that are none are an error at start-up: %s', (name) => {
    expect(() => sluice({ limits: { login: '1/min' } }).named(name)).toThrow(
      `limit.named(): there is no limit "${name}" in the configuration. It has: "login".`,
    )
  })

  it.each<[string, object, string]>([
    ['a limit that is none', { limits: { a: '1/mn' } }, 'limits.a: "1/mn" is not a limit'],
    [
      'an option that is none',
      { limits: { a: { policies: '1/s', warn: 1 } } },
      'limits.a: limit() has no option "warn"',
    ],
    [
      'a plan without plans',
      { limits: { a: { plan: of } } },
      'limits.a: it goes by plan, but the configuration has no plans',
    ],
    ['neither policies nor plan', { limits: { a: {} } }, 'limits.a: it needs policies'],
    ['policies and plan', { limits: { a: { plan: of, policies: '1/s' } }, plans: { free: '1/s' } }, 'choose one'],
  ])('are refused with %s, used or not', (_what, configuration, sentence) => {
    expect(() => sluice(configuration as never)).toThrow(sentence)
  })

  it('are swapped all at once while running, and keep what was used', async () => {
    const { limit, apply, isStopped } = watched({ limits: { a: quota('2/month'), b: '5/min' } })
    const server = app().get('/a', limit.named('a'), ok).get('/b', limit.named('b'), ok)
    for (const status of [200, 200, 429]) await request(server).get('/a').expect(status)
    apply({ limits: { a: quota('4/month'), b: '1/min' } })
    for (const status of [200, 200, 429]) await request(server).get('/a').expect(status)
    expect((await request(server).get('/b')).headers['ratelimit-policy']).toBe('"b";q=1;w=60')
    await limit.close()
    expect(isStopped()).toBe(true)
  })

  it('stay as they are where the next configuration cannot be right, or lacks one that is in use', async () => {
    const { limit, apply } = watched({ limits: { a: '1/min', b: '1/min' } })
    const server = app().get('/a', limit.named('a'), ok)
    expect(() => apply({ limits: { a: '9/min', b: '1/mn' } })).toThrow('limits.b: "1/mn" is not a limit')
    expect(() => apply({ limits: { b: '1/min' } })).toThrow('no limit "a"')
    expect((await request(server).get('/a')).headers['ratelimit-policy']).toBe('"a";q=1;w=60')
    apply({ store: 'redis://elsewhere', limits: { a: '2/min' } })
    expect((await request(server).get('/a')).headers['ratelimit-policy']).toBe('"a";q=2;w=60')
    expect(warned.mock.calls.map(([sentence]) => String(sentence))).toEqual([
      expect.stringContaining('needs a restart'),
    ])
  })
})
