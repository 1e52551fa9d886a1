import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { concurrency, createLimiter, fixedWindow, leakyBucket, slidingLog, WaitError } from '@sluice/core'
import { redisStore } from '@sluice/redis'
import Bottleneck from 'bottleneck'
import { Redis } from 'ioredis'
import PQueue from 'p-queue'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { aPrefix } from '../redis/stores.ts'
import { unreachableStore } from './scene.ts'

type Job = () => Promise<unknown>
type Run = (job: Job) => Promise<unknown>

/** To be called after each test: what still has a connection or a timer. */
const open: (() => unknown)[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

/** A job that others wait for, until `end`. */
function aHolder(): { readonly job: Job; readonly end: () => void } {
  let end = (): void => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  return { job: () => ended, end }
}

/** The state of a promise after a while. */
function stateOf(promise: Promise<unknown>, afterMs = 50): Promise<unknown> {
  const settled = promise.then(
    () => 'resolved',
    () => 'rejected',
  )
  return Promise.race([settled, sleep(afterMs, 'pending')])
}

/** The most jobs that were in progress at a time. */
async function mostAtOnce(run: Run, count: number): Promise<number> {
  let [inProgress, most] = [0, 0]
  const job = async () => {
    inProgress += 1
    most = Math.max(most, inProgress)
    // Bottleneck takes some milliseconds to start the next.
    await sleep(50)
    inProgress -= 1
  }
  await Promise.all(Array.from({ length: count }, () => run(job)))
  return most
}

/** Milliseconds at which jobs started, counted from the first. */
async function starts(run: Run, count: number): Promise<number[]> {
  const seen: number[] = []
  const job = async () => seen.push(performance.now())
  await Promise.all(Array.from({ length: count }, () => run(job)))
  return seen.map((at) => at - (seen[0] ?? 0))
}

function overRedis(id: string, maxConcurrent: number): Bottleneck {
  const { hostname: host, port } = new URL(inject('redisUrl'))
  const limiter = new Bottleneck({
    id,
    datastore: 'ioredis',
    Redis,
    clientOptions: { host, port: Number(port) },
    maxConcurrent,
  })
  open.push(() => limiter.disconnect(false))
  return limiter
}

describe('the same jobs for Bottleneck, p-queue and Sluice', () => {
  it('run so many at a time', async () => {
    const bottleneck = new Bottleneck({ maxConcurrent: 3 })
    const queue = new PQueue({ concurrency: 3 })
    const limiter = createLimiter({ policies: concurrency(3) })
    const runs: Run[] = [
      (job) => bottleneck.schedule(job),
      (job) => queue.add(job),
      (job) => limiter.run('all', job),
      async (job) => {
        const decision = await limiter.wait('all')
        await job()
        limiter.release(decision)
      },
    ]
    expect(await Promise.all(runs.slice(0, 3).map((run) => mostAtOnce(run, 10)))).toEqual([3, 3, 3])
    for (const run of runs.slice(3)) expect(await mostAtOnce(run, 10)).toBe(3)
  })

  it('are spaced evenly', async () => {
    const bottleneck = new Bottleneck({ minTime: 100 })
    const limiter = createLimiter({ policies: leakyBucket('10/s', { queue: 0 }) })
    const theirs = starts((job) => bottleneck.schedule(job), 4)
    const ours = starts((job) => limiter.run('all', job), 4)
    for (const times of await Promise.all([theirs, ours])) {
      for (const [i, at] of times.entries()) expect(at).toBeGreaterThan(100 * i - 20)
    }
  })

  it('follow the limits of a chain, and of several policies', async () => {
    const group = new Bottleneck.Group({ maxConcurrent: 2 })
    const global = new Bottleneck({ maxConcurrent: 3 })
    group.on('created', (limiter) => limiter.chain(global))
    const limiter = createLimiter({
      policies: [concurrency(2, { name: 'user' }), concurrency(3, { name: 'global' })],
    })
    for (const [users, most] of [
      [['ann'], 2],
      [['ann', 'bob'], 3],
    ] as const) {
      const user = (i: number) => users[i % users.length] ?? ''
      let [i, j] = [0, 0]
      expect(await mostAtOnce((job) => group.key(user(i++)).schedule(job), 8)).toBe(most)
      expect(await mostAtOnce((job) => limiter.run({ user: user(j++), global: 'all' }, job), 8)).toBe(most)
    }
  })

  it('weigh what they weigh', async () => {
    const bottleneck = new Bottleneck({ maxConcurrent: 4 })
    const limiter = createLimiter({ policies: concurrency(4) })
    expect(await mostAtOnce((job) => bottleneck.schedule({ weight: 2 }, job), 6)).toBe(2)
    expect(await mostAtOnce((job) => limiter.run('all', job, { cost: 2 }), 6)).toBe(2)
  })
})

describe('the order', () => {
  it('is first come, first served; with Sluice for each key', async () => {
    const bottleneck = new Bottleneck({ maxConcurrent: 2 })
    const queue = new PQueue({ concurrency: 2 })
    const limiter = createLimiter({ policies: concurrency(2) })
    const orders = [
      (name: string, weight: number, job: Job) => bottleneck.schedule({ weight, id: name }, job),
      (_: string, cost: number, job: Job) => limiter.run('ann', job, { cost }),
    ].map(async (run) => {
      const seen: string[] = []
      const holder = aHolder()
      const held = run('holder', 1, holder.job)
      const jobs = [run('heavy', 2, async () => seen.push('heavy')), run('light', 1, async () => seen.push('light'))]
      expect(await stateOf(Promise.race(jobs))).toBe('pending')
      expect(await stateOf(limiter.run('bob', async () => undefined))).toBe('resolved')
      holder.end()
      await Promise.all([held, ...jobs])
      return seen
    })
    for (const seen of await Promise.all(orders)) expect(seen).toEqual(['heavy', 'light'])
    const seen: number[] = []
    await Promise.all([1, 2, 3, 4].map((i) => queue.add(async () => seen.push(i))))
    expect(seen).toEqual([1, 2, 3, 4])
  })
})

describe('an aborted wait', () => {
  it('is ignored by Bottleneck; p-queue and Sluice reject with the reason, and take nothing', async () => {
    const bottleneck = new Bottleneck({ maxConcurrent: 1 })
    const queue = new PQueue({ concurrency: 1 })
    const limiter = createLimiter({ policies: [fixedWindow('5/min', { name: 'calls' }), concurrency(1)] })
    const aborting = new AbortController()
    const { signal } = aborting
    const holder = aHolder()
    const runs = [
      (job: Job, options: { readonly signal?: AbortSignal }) => bottleneck.schedule(options as object, job),
      (job: Job, options: { readonly signal?: AbortSignal }) => queue.add(job, options),
      (job: Job, options: { readonly signal?: AbortSignal }) => limiter.run('all', job, options),
    ]
    const held = runs.map((run) => run(holder.job, {}))
    const waits = runs.map((run) => run(async () => 'ran', { signal }))
    const settled = Promise.allSettled(waits)
    aborting.abort(new Error('enough'))
    expect(limiter.usage('all')).toMatchObject({ calls: { used: 1 } })
    holder.end()
    expect(await settled).toEqual([
      { status: 'fulfilled', value: 'ran' },
      { status: 'rejected', reason: signal.reason },
      { status: 'rejected', reason: signal.reason },
    ])
    await Promise.all(held)
  })
})

describe('a signal after the start', () => {
  it('rejects with p-queue while the function goes on; Sluice waits for the function', async () => {
    const queue = new PQueue({ concurrency: 1 })
    const limiter = createLimiter({ policies: concurrency(1) })
    const aborting = new AbortController()
    const holder = aHolder()
    const theirs = queue.add(holder.job, { signal: aborting.signal })
    const ours = limiter.run('all', holder.job, { signal: aborting.signal })
    await sleep(1)
    aborting.abort()
    expect([await stateOf(theirs), await stateOf(ours)]).toEqual(['rejected', 'pending'])
    expect(await stateOf(queue.add(async () => 'beside it'))).toBe('resolved')
    holder.end()
    expect(await stateOf(ours)).toBe('resolved')
  })
})

describe('a full line', () => {
  it('drops the oldest job of Bottleneck, or the new one; Sluice rejects the new one', async () => {
    const { LEAK, OVERFLOW } = Bottleneck.strategy
    const holder = aHolder()
    const limiter = createLimiter({ policies: concurrency(1), maxWaiting: 1 })
    const runs: Run[] = [
      ...[LEAK, OVERFLOW].map((strategy): Run => {
        const bottleneck = new Bottleneck({ maxConcurrent: 1, highWater: 1, strategy })
        return (job) => bottleneck.schedule(job)
      }),
      (job) => limiter.run('all', job),
    ]
    const waits = runs.map((run) => {
      run(holder.job)
      return Promise.all([run(async () => 'old'), run(async () => 'new')].map((wait) => stateOf(wait, 500)))
    })
    await sleep(100)
    holder.end()
    expect(await Promise.all(waits)).toEqual([
      ['rejected', 'resolved'],
      ['resolved', 'rejected'],
      ['resolved', 'rejected'],
    ])
  })
})

describe('a wait that takes too long', () => {
  it('ends with Sluice only: after maxWaitMs, or at once where the rate says so', async () => {
    const bottleneck = new Bottleneck({ reservoir: 0 })
    const queue = new PQueue({ intervalCap: 1, interval: 60_000 })
    await queue.add(async () => undefined)
    const slots = createLimiter({ policies: concurrency(1) })
    const rate = createLimiter({ policies: fixedWindow('1/min') })
    await Promise.all([slots.wait('all'), rate.wait('all')])
    const theirs = [bottleneck.schedule(async () => 1), queue.add(async () => 1)]
    const ours = [slots, rate].map((limiter, i) => limiter.wait('all', { maxWaitMs: i === 0 ? 20 : 50_000 }))
    const timedOut = { status: 'rejected', reason: expect.objectContaining({ name: 'WaitError', reason: 'timeout' }) }
    expect(await Promise.allSettled(ours)).toEqual([timedOut, timedOut])
    expect(await Promise.all(theirs.map((wait) => stateOf(wait)))).toEqual(['pending', 'pending'])
    queue.clear()
  })
})

describe('a clear queue', () => {
  it('leaves promises pending with p-queue; an aborted wait rejects with Sluice', async () => {
    const queue = new PQueue({ autoStart: false })
    const cleared = queue.add(async () => 'never')
    queue.clear()
    queue.start()
    await queue.onIdle()
    expect(await stateOf(cleared)).toBe('pending')
    const limiter = createLimiter({ policies: concurrency(1) })
    await limiter.wait('all')
    const stopping = new AbortController()
    const wait = limiter.wait('all', { signal: stopping.signal })
    stopping.abort()
    expect(await stateOf(wait)).toBe('rejected')
  })
})

describe('a job that takes too long', () => {
  it('goes on beside the next one with Bottleneck and p-queue; Sluice holds its slot', async () => {
    const bottleneck = new Bottleneck({ maxConcurrent: 1 })
    const queue = new PQueue({ concurrency: 1, timeout: 20 })
    const limiter = createLimiter({ policies: concurrency(1) })
    const holder = aHolder()
    const jobs = [
      bottleneck.schedule({ expiration: 20 }, holder.job),
      queue.add(holder.job),
      limiter.run('all', holder.job),
    ]
    const next = [
      bottleneck.schedule(async () => 'next'),
      queue.add(async () => 'next'),
      limiter.run('all', async () => 'next'),
    ]
    expect(await Promise.all(jobs.map((job) => stateOf(job, 300)))).toEqual(['rejected', 'rejected', 'pending'])
    expect(await Promise.all(next.map((job) => stateOf(job, 300)))).toEqual(['resolved', 'resolved', 'pending'])
    holder.end()
    await next[2]
  })
})

describe('a retry', () => {
  it('keeps the slot of a Bottleneck job, and waits again with Sluice', async () => {
    const orders = []
    for (const library of ['Bottleneck', 'Sluice'] as const) {
      const bottleneck = new Bottleneck({ maxConcurrent: 1 })
      bottleneck.on('failed', async (_error, { retryCount }) => (retryCount === 0 ? 20 : undefined))
      const limiter = createLimiter({ policies: concurrency(1) })
      const seen: string[] = []
      const flaky = async () => {
        seen.push('flaky')
        if (seen.length === 1) throw new Error('busy')
      }
      const other = async () => seen.push('other')
      if (library === 'Bottleneck') await Promise.all([bottleneck.schedule(flaky), bottleneck.schedule(other)])
      else {
        const run = () => limiter.run('all', flaky)
        await Promise.all([run().catch(() => sleep(20).then(run)), limiter.run('all', other)])
      }
      orders.push(seen)
    }
    expect(orders).toEqual([
      ['flaky', 'flaky', 'other'],
      ['flaky', 'other', 'flaky'],
    ])
  })
})

describe('a cost above the limit', () => {
  it('is rejected by maxConcurrent, waits for a reservoir, and is rejected by Sluice', async () => {
    const job = async () => 'ran'
    await expect(new Bottleneck({ maxConcurrent: 2 }).schedule({ weight: 3 }, job)).rejects.toThrow('Impossible')
    expect(await stateOf(new Bottleneck({ reservoir: 2 }).schedule({ weight: 3 }, job))).toBe('pending')
    for (const policies of [concurrency(2), fixedWindow('2/min')]) {
      const error: unknown = await createLimiter({ policies })
        .run('all', job, { cost: 3 })
        .catch((reason) => reason)
      expect(error).toBeInstanceOf(WaitError)
      expect(error).toMatchObject({ reason: 'never' })
    }
  })
})

describe('the interval', () => {
  it('lets twice the number start at its end, except where it slides', async () => {
    const cap = { intervalCap: 3, interval: 500 }
    const bottleneck = new Bottleneck({
      reservoir: 3,
      reservoirRefreshAmount: 3,
      reservoirRefreshInterval: 500,
    })
    open.push(() => bottleneck.disconnect())
    const queues = [new PQueue(cap), new PQueue({ ...cap, strict: true })]
    const ours = [fixedWindow('3/500ms'), slidingLog('3/500ms'), '3/500ms'].map((policies) =>
      createLimiter({ policies }),
    )
    const runs: Run[] = [
      (job) => bottleneck.schedule(job),
      ...queues.map(
        (queue): Run =>
          (job) =>
            queue.add(job),
      ),
      ...ours.map(
        (limiter): Run =>
          (job) =>
            limiter.run('all', job),
      ),
    ]
    // One job opens the window; the others come near its end. Bottleneck's window has opened already.
    const most = runs.map(async (run, i) => {
      const seen: number[] = []
      const job = async () => seen.push(performance.now())
      if (i > 0) await run(job)
      await sleep(400)
      await Promise.all(Array.from({ length: 5 }, () => run(job)))
      return Math.max(...seen.map((at) => seen.filter((other) => other >= at && other < at + 300).length))
    })
    const [reservoir = 0, fixed = 0, strict, fixedWindows = 0, log, text] = await Promise.all(most)
    expect(Math.min(reservoir, fixed, fixedWindows)).toBeGreaterThan(3)
    expect([strict, log, text]).toEqual([3, 3, 3])
  })
})

describe('a holder that dies', () => {
  it('keeps its slot with Bottleneck; Sluice frees it when its lease is over', async () => {
    const id = aPrefix()
    const url = inject('redisUrl')
    const holder = fork(fileURLToPath(new URL('job-holder.mjs', import.meta.url)), [url, id])
    await once(holder, 'message')
    const gone = once(holder, 'exit')
    holder.kill('SIGKILL')
    await gone
    const bottleneck = overRedis(id, 1)
    const limiter = createLimiter({
      policies: concurrency(1, { leaseMs: 1_000 }),
      store: redisStore(url, { prefix: id }),
      timeoutMs: 10_000,
    })
    open.push(() => limiter.close())
    const theirs = bottleneck.schedule(async () => 'ran')
    theirs.catch(() => undefined)
    expect(await limiter.run('all', async () => 'ran')).toBe('ran')
    expect(await stateOf(theirs, 1_000)).toBe('pending')
    expect(await bottleneck.running()).toBe(1)
  })
})

describe('settings of a cluster', () => {
  it('are those of the first limiter with Bottleneck, and its own with Sluice', async () => {
    const id = aPrefix()
    await overRedis(id, 1).ready()
    const second = overRedis(id, 3)
    await second.ready()
    expect(await mostAtOnce((job) => second.schedule(job), 6)).toBe(1)
    const limiters = [1, 3].map((slots) =>
      createLimiter({
        policies: concurrency(slots),
        store: redisStore(inject('redisUrl'), { prefix: id }),
        timeoutMs: 10_000,
      }),
    )
    open.push(...limiters.map((limiter) => () => limiter.close()))
    const [first, last] = limiters
    await first?.run('all', async () => undefined)
    expect(await mostAtOnce(async (job) => last?.run('all', job), 6)).toBe(3)
  })
})

describe('an unreachable Redis', () => {
  it('makes Bottleneck wait; Sluice goes on limiting by its own memory', async () => {
    const bottleneck = new Bottleneck({
      datastore: 'ioredis',
      Redis,
      clientOptions: { port: 1, retryStrategy: () => 100 },
      maxConcurrent: 1,
    })
    bottleneck.on('error', () => undefined)
    open.push(() => bottleneck.clients().client?.disconnect())
    const theirs = bottleneck.schedule(async () => 'ran')
    const ours = createLimiter({ policies: concurrency(1), store: unreachableStore() })
    ours.on('degraded', () => undefined)
    ours.on('error', () => undefined)
    expect(await mostAtOnce((job) => ours.run('all', job), 3)).toBe(1)
    expect(await stateOf(theirs, 300)).toBe('pending')
    await ours.close()
  })
})
