import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createServer2, type Http2Server } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  concurrency,
  createLimiter,
  type Decision,
  fixedWindow,
  type Limiter,
  memoryStore,
  type Policy,
  type Store,
} from '@sluice/core'
import { sluice as expressSluice } from '@sluice/express'
import { sluice as fastifySluice } from '@sluice/fastify'
import { sluice as koaSluice } from '@sluice/koa'
import { redisStore } from '@sluice/redis'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RedisServer, startRedis, until } from '../redis/servers.ts'

/** What a busy machine adds to whatever takes time. */
const SLACK_MS = 1_500

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

let rejections: unknown[] = []
const note = (error: unknown) => rejections.push(error)
beforeEach(() => {
  rejections = []
  process.on('unhandledRejection', note)
})
afterEach(async () => {
  await turn()
  process.off('unhandledRejection', note)
  expect(rejections).toEqual([])
})

interface HolderSetup {
  readonly url: string
  readonly prefix: string
  readonly slots: number
  readonly leaseMs: number
  readonly timeoutMs: number
  /** The stream that its jobs are written down in. */
  readonly log?: string
}

interface Attempt {
  readonly allowed: boolean
  readonly degraded: boolean
  readonly ms: number
}

/** A process that holds slots. */
class Holder {
  readonly #child: ChildProcess
  #asked = 0

  constructor(child: ChildProcess) {
    this.#child = child.setMaxListeners(0)
  }

  get name(): string {
    return String(this.#child.pid)
  }

  jobs(key: string, workers: number): Promise<number> {
    return this.#ask('jobs', { key, workers }) as Promise<number>
  }

  stop(): Promise<unknown> {
    return this.#ask('stop', {})
  }

  hang(key: string): Promise<unknown> {
    return this.#ask('hang', { key })
  }

  hold(key: string, count: number): Promise<unknown> {
    return this.#ask('hold', { key, count })
  }

  letGo(): Promise<unknown> {
    return this.#ask('letGo', {})
  }

  attempt(key: string): Promise<Attempt> {
    return this.#ask('attempt', { key }) as Promise<Attempt>
  }

  events(): Promise<string[]> {
    return this.#ask('events', {}) as Promise<string[]>
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }

  #ask(task: string, rest: object): Promise<unknown> {
    const id = this.#asked++
    return new Promise((resolve, reject) => {
      const end = () => reject(new Error('the process ended'))
      const listen = (message: { id?: number; result?: unknown; error?: string }) => {
        if (message.id !== id) return
        this.#child.off('message', listen).off('exit', end)
        if (message.error === undefined) resolve(message.result)
        else reject(new Error(message.error))
      }
      this.#child.on('message', listen).once('exit', end)
      this.#child.send({ id, task, ...rest })
    })
  }
}

const holderScript = fileURLToPath(new URL('holder.mjs', import.meta.url))

async function withHolders<T>(count: number, setup: HolderSetup, play: (holders: Holder[]) => Promise<T>): Promise<T> {
  const children = Array.from({ length: count }, () => fork(holderScript, [JSON.stringify(setup)], { execArgv: [] }))
  const holders = children.map((child) => new Holder(child))
  try {
    await Promise.all(children.map((child) => once(child, 'message')))
    return await play(holders)
  } finally {
    await Promise.all(holders.map((holder) => holder.kill()))
  }
}

/** A job as it was written down: between its times it surely held a slot. */
interface Job {
  readonly holder: string
  readonly takenAt: number
  readonly start: number
  /** By the order of the log. */
  readonly from: number
  end: number | undefined
}

async function serverTime(): Promise<number> {
  const [seconds, micros] = (await redis.command('TIME')) as [string, string]
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
}

/** The jobs in a log: its entries are in the order in which the server wrote them down. */
async function jobsIn(log: string): Promise<Job[]> {
  const entries = (await redis.command('XRANGE', log, '-', '+')) as [string, string[]][]
  const jobs = new Map<string, Job>()
  for (const [from, [id, [, name = '', , what, , at]]] of entries.entries()) {
    const time = Number(id.split('-')[0])
    const job = jobs.get(name)
    if (what === 'start') {
      const holder = name.split('-')[0] ?? ''
      jobs.set(name, { holder, takenAt: Number(at), start: time, from, end: undefined })
    } else if (job !== undefined) job.end = time
  }
  return [...jobs.values()]
}

interface Change {
  readonly at: number
  readonly by: number
}

/** Ends before beginnings of the same millisecond: a job is written down as begun later than it was. */
function changesOf(jobs: readonly Job[], endOf: (job: Job) => number): Change[] {
  const changes = jobs.flatMap((job) => [
    { at: job.start, by: 1 },
    { at: endOf(job), by: -1 },
  ])
  return changes.sort((a, b) => a.at - b.at || a.by - b.by)
}

function mostAtATime(changes: readonly Change[]): number {
  let [held, most] = [0, 0]
  for (const { by } of changes) {
    held += by
    most = Math.max(most, held)
  }
  return most
}

/** When so many are held for the first time since then. */
function firstTime(changes: readonly Change[], count: number, since: number): number | undefined {
  let held = 0
  for (const { at, by } of changes) {
    held += by
    if (held >= count && at >= since) return at
  }
  return undefined
}

describe('eight processes that share slots', () => {
  it('never hold more than there are while three are killed, and have all of them again within a lease', async () => {
    const [slots, leaseMs] = [8, 1_000]
    const setup = { url: redis.url, prefix: 'killed', slots, leaseMs, timeoutMs: 10_000, log: 'killed:log' }
    await withHolders(8, setup, async (holders) => {
      const [survivors, victims] = [holders.slice(0, 5), holders.slice(5)]
      // Their jobs that never end outlive a lease before the kill.
      await Promise.all(victims.map((victim) => victim.hang('all')))
      const loads = survivors.map((holder) => holder.jobs('all', 4))
      for (const victim of victims) victim.jobs('all', 4).catch(() => undefined)
      await sleep(1.5 * leaseMs)
      const aliveAt = await serverTime()
      await Promise.all(victims.map((victim) => victim.kill()))
      const killedAt = await serverTime()
      await sleep(leaseMs + SLACK_MS)
      await Promise.all(survivors.map((holder) => holder.stop()))
      await Promise.all(loads)

      const jobs = await jobsIn(setup.log)
      const isVictim = ({ holder }: Job) => victims.some(({ name }) => name === holder)
      const abandoned = jobs.filter(({ end }) => end === undefined)
      expect(abandoned.length).toBeGreaterThanOrEqual(3)
      expect(abandoned.every(isVictim)).toBe(true)
      expect(jobs.length).toBeGreaterThan(200)

      const changes = changesOf(jobs, ({ end, takenAt }) => end ?? Math.max(aliveAt, takenAt + leaseMs))
      expect(mostAtATime(changes)).toBe(slots)
      const surviving = changesOf(
        jobs.filter((job) => !isVictim(job)),
        ({ end = 0 }) => end,
      )
      const backAt = firstTime(surviving, slots, killedAt) ?? Number.POSITIVE_INFINITY
      expect(backAt - killedAt).toBeLessThan(leaseMs + SLACK_MS)
      expect(await Promise.all(survivors.map((holder) => holder.events()))).toEqual(survivors.map(() => []))
    })
  })
})

describe('a Redis that is killed and comes back empty', () => {
  it('delays no answer, and learns of the slots that are held within a lease', async () => {
    const own = await startRedis()
    const [slots, leaseMs, timeoutMs] = [10, 6_000, 200]
    const setup = { url: own.url, prefix: 'restarted', slots, leaseMs, timeoutMs }
    const store = redisStore(own.url, { prefix: 'restarted' })
    const observer = createLimiter({ policies: concurrency(slots, { leaseMs }), store, timeoutMs: 10_000 })
    const stopListening = [observer.on('degraded', () => undefined), observer.on('recovered', () => undefined)]
    const remaining = async () => {
      const { degraded, standings } = await observer.peek('all')
      return degraded ? undefined : standings[0]?.remaining
    }
    try {
      await withHolders(2, setup, async ([first, second]) => {
        if (first === undefined || second === undefined) throw new Error('two were started')
        await Promise.all([first.hold('all', 3), second.hold('all', 3)])
        expect(await remaining()).toBe(4)

        own.kill('SIGKILL')
        let isBack = false
        const asking = [first, second].map(async (holder) => {
          const attempts: Attempt[] = []
          while (!isBack) attempts.push(await holder.attempt('other'))
          return attempts
        })
        await sleep(400)
        await own.restart()
        const restartedAt = performance.now()
        isBack = true
        const attempts = (await Promise.all(asking)).flat()
        expect(attempts.some(({ degraded }) => degraded)).toBe(true)
        for (const { ms } of attempts) expect(ms).toBeLessThan(timeoutMs + 1_000)

        await until(async () => (await remaining()) === 4)
        expect(performance.now() - restartedAt).toBeLessThan(leaseMs + SLACK_MS)
        await until(async () => !(await first.attempt('other')).degraded && !(await second.attempt('other')).degraded)
        const more: Attempt[] = []
        for (let i = 0; i < 5; i++) more.push(await first.attempt('all'), await second.attempt('all'))
        expect(more.filter(({ allowed }) => allowed)).toHaveLength(4)
        await Promise.all([first.letGo(), second.letGo()])
        await until(async () => (await remaining()) === slots)
        const events = (await Promise.all([first.events(), second.events()])).flat()
        expect(events.filter((event) => event.startsWith('lost'))).toEqual([])
      })
    } finally {
      for (const stop of stopListening) stop()
      await observer.close()
      await own.stop()
    }
  })
})

/** Decides as memory does, and answers some milliseconds later, in order. */
function slowStore(): Store {
  const memory = memoryStore()
  let last: Promise<unknown> = Promise.resolve()
  const later = <T>(work: () => T): Promise<T> => {
    const answer = last.then(() => sleep(Math.random() * 3)).then(work)
    last = answer.catch(() => undefined)
    return answer
  }
  return {
    consume: (asks) => later(() => memory.consume(asks)),
    consumeOnce: (asks, once) => later(() => memory.consumeOnce(asks, once)),
    peek: (asks) => later(() => memory.peek(asks)),
    edit: (change) => later(() => memory.edit(change)),
    refund: (returns, once) => later(() => memory.refund(returns, once)),
    renew: (renewals) => later(() => memory.renew(renewals)),
    readTexts: (known) => later(() => memory.readTexts(known)),
    writeText: (entry) => later(() => memory.writeText(entry)),
    reset: (policies, keys, scope) => later(() => memory.reset(policies, keys, scope)),
    clear: (policies) => later(() => memory.clear(policies)),
    close: () => memory.close(),
  }
}

const stores: Readonly<Record<string, (prefix: string) => Store>> = {
  memory: () => memoryStore(),
  Redis: (prefix) => redisStore(redis.url, { prefix }),
  'a slow store': () => slowStore(),
}

/** Points in time, between two promises' callbacks and between two timers. */
const moments: readonly (() => Promise<unknown>)[] = [
  async () => undefined,
  ...[1, 2, 3, 5, 8].map((jobs) => async () => {
    for (let i = 0; i < jobs; i++) await Promise.resolve()
  }),
  () => turn(),
  () => turn().then(() => turn()),
  ...[0, 1, 2, 5, 10, 20, 40, 80].map((ms) => () => sleep(ms)),
]

const UNITS = 1_000_000

function one<T>(of: readonly T[]): T {
  return of[Math.floor(Math.random() * of.length)] as T
}

/** Of a list of a rate and slots: units used, and slots held. */
async function takenOf(peek: () => Decision | Promise<Decision>): Promise<readonly [number, number]> {
  const { standings } = await peek()
  const [units, slots] = standings
  return [UNITS - (units?.remaining ?? 0), (slots?.policy.quota ?? 0) - (slots?.remaining ?? 0)]
}

function rateAndSlots(slots: Policy): readonly [Policy, Policy] {
  return [fixedWindow(`${UNITS}/day`), slots]
}

type Waits = (limiter: Limiter<Store>, signal: AbortSignal, passed: () => Promise<unknown>) => Promise<unknown>

const waits: Readonly<Record<string, Waits>> = {
  async wait(limiter, signal, passed) {
    const decision = await limiter.wait('all', { signal })
    try {
      await passed()
    } finally {
      await limiter.release(decision)
    }
  },
  run: (limiter, signal, passed) => limiter.run('all', passed, { signal }),
}

describe.each(Object.keys(stores))('those who wait for slots in %s', (title) => {
  it.each(Object.keys(waits))('may leave %s at any moment', async (way) => {
    const store = (stores[title] ?? memoryStore)(`left-${way}`)
    const limiter: Limiter<Store> = createLimiter({
      policies: rateAndSlots(concurrency(3, { leaseMs: 60_000 })),
      store,
      timeoutMs: 10_000,
    })
    const passed: number[] = []
    const left: { readonly reason: string; readonly outcome: unknown; readonly inTime: boolean }[] = []
    const leave: (() => void)[] = []
    const waiter = async (number: number): Promise<void> => {
      const controller = new AbortController()
      const isTold = new Promise<void>((resolve) => {
        leave[number] = resolve
      })
      let isSettled = false
      let hasPassed = false
      const outcome = waits[way]?.(limiter, controller.signal, async () => {
        hasPassed = true
        passed.push(number)
        await (moments[number % moments.length] ?? turn)()
        // Whoever is first now asks for this slot: it leaves while the store is about to give it.
        for (let next = number + 1; next < number + 9; next++) one(moments)().then(leave[next])
      }).then(
        () => 'passed',
        (error: unknown) => error,
      )
      outcome?.then(() => {
        isSettled = true
      })
      if (number % 3 === 0) {
        expect(await outcome).toBe('passed')
        return
      }
      await Promise.race([isTold, Math.random() < 0.3 ? one(moments)() : sleep(500 + Math.random() * 500)])
      const isWaiting = !hasPassed
      const reason = `left ${number}`
      controller.abort(reason)
      await turn()
      await turn()
      const inTime = isSettled || hasPassed
      const settled = await outcome
      if (isWaiting) left.push({ reason, outcome: settled, inTime })
      else expect(settled).toBe('passed')
    }
    await Promise.all(Array.from({ length: 300 }, (_, number) => waiter(number)))

    expect(left.filter(({ inTime }) => !inTime)).toEqual([])
    // Who had passed at that very moment, and was not told of it yet, has passed.
    const gone = left.filter(({ outcome }) => outcome !== 'passed')
    expect(gone.filter(({ reason, outcome }) => outcome !== reason)).toEqual([])
    expect(gone.length).toBeGreaterThan(100)
    expect(passed).toEqual([...passed].sort((a, b) => a - b))
    await until(async () => {
      const [units, held] = await takenOf(() => limiter.peek('all'))
      return units === passed.length && held === 0
    })
    const next = await limiter.wait('all', { maxWaitMs: 10_000 })
    expect(next.allowed).toBe(true)
    await limiter.close()
  })
})

/** Scripts that the server has run since it was last asked to forget. */
async function scriptCalls(): Promise<number> {
  const stats = String(await redis.command('INFO', 'commandstats'))
  const calls = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)]
  return calls.reduce((sum, [, count]) => sum + Number(count), 0)
}

describe('a process', () => {
  it('renews a thousand slots in one call for each third of a lease', async () => {
    const store = redisStore(redis.url, { prefix: 'renewals' })
    const limiter = createLimiter({ policies: concurrency(1, { leaseMs: 1_000 }), store, timeoutMs: 10_000 })
    const lost: string[] = []
    limiter.on('lost', ({ key }) => lost.push(key))
    const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`)
    const held = await Promise.all(keys.map(async (key) => limiter.consume(key)))
    expect(held.every(({ allowed, degraded }) => allowed && !degraded)).toBe(true)
    await sleep(400)
    await redis.command('CONFIG', 'RESETSTAT')
    await sleep(4_000)
    const calls = await scriptCalls()
    expect(calls).toBeLessThanOrEqual(13)
    expect(calls).toBeGreaterThanOrEqual(6)
    expect(lost).toEqual([])
    const others = await Promise.all(keys.map(async (key) => limiter.peek(key)))
    expect(others.filter(({ allowed }) => allowed)).toEqual([])
    await Promise.all(held.map(async (decision) => limiter.release(decision)))
    expect((await limiter.peek('key-7')).allowed).toBe(true)
    await limiter.close()
  })

  it('renews more than a thousand in calls of a thousand, also those of one key', async () => {
    const store = redisStore(redis.url, { prefix: 'portions' })
    const limiter = createLimiter({ policies: concurrency(2_500, { leaseMs: 6_000 }), store, timeoutMs: 10_000 })
    const taken = await Promise.all(Array.from({ length: 2_500 }, async () => limiter.consume('all')))
    expect(taken.every(({ allowed, degraded }) => allowed && !degraded)).toBe(true)
    await redis.command('CONFIG', 'RESETSTAT')
    await until(async () => (await scriptCalls()) >= 3)
    await sleep(500)
    expect(await scriptCalls()).toBe(3)
    expect((await limiter.peek('all')).standings[0]?.remaining).toBe(0)
    await limiter.close()
  })

  it('asks twenty times a second for slots that others hold, however many wait for them', async () => {
    const policies = concurrency(1, { leaseMs: 60_000 })
    const [here, elsewhere] = [0, 1].map(() =>
      createLimiter({ policies, store: redisStore(redis.url, { prefix: 'poll' }), timeoutMs: 10_000 }),
    )
    if (here === undefined || elsewhere === undefined) throw new Error('two were made')
    const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`)
    const held = await Promise.all(keys.map(async (key) => elsewhere.consume(key)))
    const order = keys.map((): number[] => [])
    const waiting = Array.from({ length: 500 }, (_, i) =>
      here.run(keys[i % 20] ?? '', () => {
        order[i % 20]?.push(i)
      }),
    )
    await sleep(300)
    await redis.command('CONFIG', 'RESETSTAT')
    const began = performance.now()
    await sleep(3_000)
    const calls = await scriptCalls()
    const seconds = (performance.now() - began) / 1_000
    expect(calls / seconds).toBeLessThanOrEqual(21)
    expect(calls / seconds).toBeGreaterThan(5)
    expect(order.flat()).toEqual([])
    await Promise.all(held.map(async (decision) => elsewhere.release(decision)))
    await Promise.all(waiting)
    expect(order).toEqual(keys.map((_, key) => Array.from({ length: 25 }, (_, turn) => key + 20 * turn)))
    await Promise.all([here.close(), elsewhere.close()])
  })
})

/** A limit in front of a framework, on a port for each version of HTTP that the framework serves. */
interface Served {
  readonly http1: Server
  readonly http2?: Http2Server
  readonly limit: {
    on(name: 'decision', listener: (event: { readonly decision: Decision }) => void): () => void
    close(): void | Promise<void>
  }
  taken(): Promise<readonly [number, number]>
  stop(): Promise<unknown>
}

const QUEUED: Policy = concurrency(3, { leaseMs: 60_000, queue: { size: 60, timeoutMs: 3_000 } })
const GATE = { name: 'gate', key: () => 'all' } as const

/** Requests that reached the handler. */
let handled = 0

function answer(path: string, res: ServerResponse): void {
  handled += 1
  if (path === '/stream') res.write('begun')
  setTimeout(() => res.end('over'), path === '/now' ? 0 : Math.random() * 6)
}

async function listen<S extends Server | Http2Server>(server: S): Promise<S> {
  server.listen(0)
  await once(server, 'listening')
  return server
}

const frameworks: Readonly<Record<string, (store: Store) => Promise<Served>>> = {
  async Express(store) {
    const limit = expressSluice({ store, timeoutMs: 10_000 })
    const gate = limit(rateAndSlots(QUEUED), GATE)
    const app = express().set('env', 'test').use(gate)
    app.use((req, res) => answer(req.path, res))
    const http1 = await listen(createServer(app))
    return { http1, limit, taken: () => takenOf(() => gate.peek('all')), stop: async () => undefined }
  },
  async Koa(store) {
    const limit = koaSluice({ store, timeoutMs: 10_000 })
    const gate = limit(rateAndSlots(QUEUED), GATE)
    const app = new Koa().use(gate)
    app.silent = true
    app.use((context) => {
      context.respond = false
      context.res.statusCode = 200
      answer(context.path, context.res)
    })
    const http1 = await listen(createServer(app.callback()))
    const http2 = await listen(createServer2().on('request', app.callback() as never))
    return { http1, http2, limit, taken: () => takenOf(() => gate.peek('all')), stop: async () => undefined }
  },
  async Fastify(store) {
    const limit = fastifySluice({ store, timeoutMs: 10_000 })
    const gate = limit(rateAndSlots(QUEUED), GATE)
    const http1 = createServer()
    const http2 = createServer2()
    const apps = [http1, http2].map((server) => {
      const app = fastify({
        serverFactory: (handler: RequestListener) => server.on('request', handler as never) as never,
      })
      app.addHook('onRequest', gate)
      app.get('/*', (request, reply) => {
        reply.hijack()
        answer(request.url, reply.raw)
      })
      return app
    })
    for (const app of apps) await app.ready()
    await Promise.all([listen(http1), listen(http2)])
    const stop = () => Promise.all(apps.map((app) => app.close()))
    return { http1, http2, limit, taken: () => takenOf(() => gate.peek('all')), stop }
  },
}

const PATHS = ['/now', '/later', '/stream'] as const

const portOf = (server: Server | Http2Server): number => (server.address() as AddressInfo).port

/** Some requests on one connection over HTTP/1.1, of which the client waits for some answers, and then leaves somehow. */
async function leaveHttp1(server: Server, requests: number): Promise<void> {
  const socket = connect(portOf(server), '127.0.0.1').on('error', () => undefined)
  const closed = once(socket, 'close').catch(() => undefined)
  const text = Array.from({ length: requests }, () => `GET ${one(PATHS)} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')
  const end = one([() => socket.destroy(), () => socket.resetAndDestroy(), () => socket.end()])
  const way = one(['unsent', 'sent', 'later', 'begun', 'answered'])
  socket.write(way === 'unsent' ? text.slice(0, -one([1, 3, 9])) : text)
  socket.resume()
  if (way === 'unsent' || way === 'sent') socket.once('connect', () => setImmediate(end))
  else if (way === 'later') setTimeout(end, Math.random() * 60)
  else {
    let said = ''
    const wanted = way === 'begun' ? /HTTP\/1\.1/ : /over|"status"/
    socket.on('data', (chunk) => {
      said += chunk
      if (wanted.test(said)) end()
    })
  }
  await closed
}

/** Some requests on one connection over HTTP/2, of which some are reset, or all with their connection. */
async function leaveHttp2(server: Http2Server, requests: number): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${portOf(server)}`).on('error', () => undefined)
  const streams = Array.from({ length: requests }, async () => {
    const stream = session.request({ ':path': one(PATHS) }).on('error', () => undefined)
    const closed = new Promise((resolve) => stream.once('close', resolve))
    stream.resume()
    const way = one(['sent', 'later', 'begun', 'answered'])
    const reset = () => stream.close(8)
    if (way === 'sent') setImmediate(reset)
    else if (way === 'later') setTimeout(reset, Math.random() * 60)
    else if (way === 'begun') stream.once('response', reset)
    await closed
  })
  const all = Promise.all(streams)
  if (Math.random() < 0.3) setTimeout(() => session.destroy(), Math.random() * 60)
  await all
  session.destroy()
}

/** Of ten thousand, for each framework and store. */
const REQUESTS = Math.ceil(10_000 / 6)
const AT_A_TIME = 60

describe.each(Object.entries(frameworks))('clients of %s that leave at any moment', (title, serve) => {
  it.each(['memory', 'Redis'])('leave no slot, no place and no unit behind (%s)', async (kind) => {
    const store = (stores[kind] ?? memoryStore)(`leave-${title}`)
    const { http1, http2, limit, taken, stop } = await serve(store)
    handled = 0
    let [received, allowed, denied] = [0, 0, 0]
    for (const server of [http1, http2]) server?.on('request', () => (received += 1))
    limit.on('decision', ({ decision }) => {
      if (decision.allowed) allowed += 1
      else denied += 1
    })
    try {
      let left = REQUESTS
      const client = async (): Promise<void> => {
        while (left > 0) {
          const requests = Math.min(left, one([1, 1, 1, 2, 4]))
          left -= requests
          if (http2 !== undefined && Math.random() < 0.3) await leaveHttp2(http2, requests)
          else await leaveHttp1(http1, requests)
        }
      }
      await Promise.all(Array.from({ length: AT_A_TIME }, client))
      await until(async () => (await taken())[1] === 0)
      const [units] = await taken()
      expect(units).toBe(allowed)
      expect(handled).toBeLessThanOrEqual(allowed)
      expect(handled).toBeGreaterThan(REQUESTS / 10)
      // Who left while it waited was neither.
      expect(received - allowed - denied).toBeGreaterThan(REQUESTS / 20)

      // Nobody is left in front of it.
      const began = performance.now()
      const status = await fetch(`http://127.0.0.1:${portOf(http1)}/now`, { headers: { connection: 'close' } })
      expect(status.status).toBe(200)
      expect(performance.now() - began).toBeLessThan(SLACK_MS)
      await until(async () => (await taken())[1] === 0)
      expect(await taken()).toEqual([units + 1, 0])
    } finally {
      http1.closeAllConnections()
      http1.close()
      http2?.close()
      await stop()
      await limit.close()
    }
  })
})
