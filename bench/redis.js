import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createLimiter, fixedWindow, leakyBucket, slidingLog, slidingWindow, tokenBucket } from '@sluice/core'
import { quota } from '@sluice/quota'
import { redisStore } from '@sluice/redis'
import { Redis } from 'ioredis'
import { RedisStore as RateLimitRedis } from 'rate-limit-redis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { inTurns, median } from './measure.js'

const KEYS = 10_000
const ROUNDS = 7
const ROUND_MS = 1_000

const addresses = Array.from({ length: KEYS }, (_, i) => `203.0.${i >> 8}.${i & 255}`)

/** Decisions a second on one Redis, so many in flight, 10,000 keys, every contender in turn in every round. */
export async function redis() {
  const server = await startRedis()
  const made = contenders(server.port)
  const rows = []
  try {
    for (const inFlight of [512, 64, 1]) {
      const seen = await inTurns(made.contenders, ROUNDS, (contender) => rateOf(contender, inFlight))
      for (const [name, rates] of Object.entries(seen)) {
        const per = Math.round(median(rates))
        rows.push({ 'in flight': inFlight, what: name, 'a second': per })
      }
    }
  } finally {
    await made.close()
    server.stop()
  }
  return rows.map((row) => ({ ...row, ...ratios(row, rows) }))
}

/**
 * How long a decision occupies Redis, by its own account of EVALSHA: 512 asked for at a time, which travel 32 to a call,
 * and one at a time. Beside it a script that only reads and writes the same bucket.
 */
export async function redisTime() {
  const server = await startRedis()
  const client = new Redis(server.port)
  const made = contenders(server.port)
  const bare = {
    'GET and SET': bareScript(client, ''),
    'GET and SET with its expiry': bareScript(client, ", 'EX', '60'"),
  }
  const wanted = Object.entries(made.contenders).filter(([name]) => TIMED.includes(name))
  const rows = []
  try {
    for (const inFlight of [512, 1]) {
      const seen = await inTurns({ ...bare, ...Object.fromEntries(wanted) }, ROUNDS, async (contender) => {
        await client.config('RESETSTAT')
        const calls = inFlight === 1 ? 5_000 : 64_000
        const batch = contender.batch ?? inFlight
        for (let i = 0; i < calls; i += batch) {
          const keys = Array.from({ length: batch }, (_, k) => addresses[((i + k) * 7_919) % KEYS])
          await (contender.batch === undefined ? Promise.all(keys.map(contender)) : contender(keys, inFlight))
        }
        return Number(/cmdstat_evalsha:calls=\d+,usec=(\d+)/.exec(await client.info('commandstats'))[1]) / calls
      })
      const micros = Object.fromEntries(Object.entries(seen).map(([name, times]) => [name, median(times)]))
      for (const [what, time] of Object.entries(micros)) {
        rows.push({
          'in flight': inFlight,
          what,
          'µs a decision': Number(time.toFixed(2)),
          'of GET and SET': Number((time / micros['GET and SET']).toFixed(2)),
          'of those with its expiry': Number((time / micros['GET and SET with its expiry']).toFixed(2)),
        })
      }
    }
  } finally {
    await made.close()
    await client.quit()
    server.stop()
  }
  return rows
}

const TIMED = [
  'rate-limit-redis',
  'sluice, fixed window',
  'sluice, sliding window',
  'sluice, exact window (up to 10)',
  'sluice, token bucket',
  'sluice, calendar quota',
  'sluice, three policies',
]

/** Reads and writes 32 buckets in one call, or one, as `inFlight` says. */
function bareScript(client, expiry) {
  const name = `bare${expiry.length}`
  client.defineCommand(name, {
    lua: `for i = 1, #KEYS do
      local found = redis.call('GET', KEYS[i])
      redis.call('SET', KEYS[i], found or '12 or 20 bytes'${expiry})
    end`,
  })
  const prefixed = (key) => `${name}:{${key}}:api:sliding-window:60000:2`
  const run = async (keys, inFlight) => {
    const size = Math.min(32, inFlight)
    for (let i = 0; i < keys.length; i += size) {
      const names = keys.slice(i, i + size).map(prefixed)
      await client[name](names.length, ...names)
    }
  }
  return Object.assign(run, { batch: 512 })
}

/** Bytes that Redis holds for a bucket, 10,000 keys of 31 characters, all told: names, expiry, values. */
export async function redisBytes() {
  const server = await startRedis()
  const client = new Redis(server.port)
  const limiter = (policies) =>
    createLimiter({ name: 'api', policies, store: redisStore(`redis://127.0.0.1:${server.port}`), timeoutMs: 10_000 })
  const used = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1])
  const rows = []
  for (const [what, policy, takes] of [
    ['exact window', '10/h', 3],
    ['exact window, full', '10/h', 10],
    ['fixed window', fixedWindow('1000/h'), 3],
    ['sliding window', slidingWindow('1000/h'), 3],
    ['sliding window, 10 parts', slidingWindow('1000/h', { subWindows: 10 }), 3],
    ['token bucket', tokenBucket('1000/h'), 3],
    ['leaky bucket', leakyBucket('1000/h', { queue: 99 }), 3],
    ['calendar quota', quota('1000/month'), 3],
    ['sliding log, 10 takes', slidingLog('1000/h'), 10],
    ['sliding log, 100 takes', slidingLog('1000/h'), 100],
  ]) {
    await client.flushall()
    const made = limiter(policy)
    const keys = addresses.map((address) => address.padEnd(31, '-'))
    // The connection has its buffers from here on.
    await Promise.all(keys.map((key) => made.peek(key)))
    const before = await used()
    for (let take = 0; take < takes; take++) await Promise.all(keys.map((key) => made.consume(key)))
    rows.push({ what, 'bytes a bucket': Math.round(((await used()) - before) / KEYS) })
    await made.close()
  }
  await client.quit()
  server.stop()
  return rows
}

/** Against the physical limit and the best peer at the same concurrency. */
function ratios(row, rows) {
  const same = rows.filter((other) => other['in flight'] === row['in flight'])
  const rate = (name) => same.find(({ what }) => what === name)['a second']
  const share = (of) => Number((row['a second'] / of).toFixed(2))
  return {
    'of auto-pipelined INCR': share(rate('INCR, auto-pipelined')),
    'of a trivial EVALSHA': share(rate('trivial EVALSHA')),
    'of the best peer': share(Math.max(...PEERS.map(rate))),
  }
}

const PEERS = ['rate-limiter-flexible', 'rate-limit-redis']

/** What no limiter in Lua can do without: the time, one bucket read and written, an answer. */
const SMALLEST_LIMITER = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local found = redis.call('GET', KEYS[1])
  local last, taken = string.match(found or '0 0', '^(%d+) (%d+)$')
  redis.call('SET', KEYS[1], string.format('%d %d', now, taken + 1), 'PX', '60000')
  return {now, 'a', found or ''}`

function contenders(port) {
  const url = `redis://127.0.0.1:${port}`
  const client = new Redis(url)
  const pipelining = new Redis(url, { enableAutoPipelining: true })
  client.defineCommand('trivial', { numberOfKeys: 1, lua: 'return 1' })
  client.defineCommand('smallest', { numberOfKeys: 1, lua: SMALLEST_LIMITER })
  const flexible = new RateLimiterRedis({ storeClient: client, points: 10 ** 9, duration: 60, keyPrefix: 'rlf' })
  const expressStore = new RateLimitRedis({ sendCommand: (...args) => client.call(...args), prefix: 'erl:' })
  expressStore.init({ windowMs: 60_000 })
  const limiters = []
  const ours = (name, policies, options = {}) => {
    const limiter = createLimiter({
      name,
      policies,
      timeoutMs: 10_000,
      store: redisStore(url, { prefix: name, ...options }),
    })
    limiters.push(limiter)
    return (key) => limiter.consume(key)
  }
  return {
    contenders: {
      INCR: (key) => client.incr(`incr:${key}`),
      'INCR, auto-pipelined': (key) => pipelining.incr(`incr:${key}`),
      'trivial EVALSHA': (key) => client.trivial(key),
      'smallest limiter in Lua': (key) => client.smallest(`smallest:${key}`),
      'rate-limiter-flexible': (key) => flexible.consume(key),
      'rate-limit-redis': (key) => expressStore.increment(key),
      'sluice, fixed window': ours('fw', fixedWindow('1000M/min')),
      'sluice, sliding window': ours('sw', '1000M/min'),
      'sluice, exact window (up to 10)': ours('exact', '10/s'),
      'sluice, token bucket': ours('tb', tokenBucket('1M/day')),
      'sluice, calendar quota': ours('quota', quota('1000M/month', { timeZone: 'Europe/Berlin' })),
      'sluice, strict sliding window': ours('strict', slidingWindow('1000M/min', { subWindows: 10 })),
      'sluice, three policies': ours('three', ['1M/s', '10M/min', '1000M/day']),
      'sluice, one denied key under flood': flooded(ours('denied', '1/day')),
      'sluice, denied, not remembered': ours('asked', '1/day', { rememberDenials: false }),
    },
    close: () => Promise.all([client.quit(), pipelining.quit(), ...limiters.map((limiter) => limiter.close())]),
  }
}

/** Everybody asks for one key, which is denied: at once, but for a turn of the loop now and then, as a server has them. */
function flooded(consume) {
  let calls = 0
  const contender = () => {
    calls += 1
    const decision = consume('the attacker')
    return calls % 256 === 0 ? new Promise((resolve) => setImmediate(resolve, decision)) : decision
  }
  return Object.assign(contender, { atOnce: true })
}

/** Calls a second while `inFlight` are kept under way; the first 200 ms are not counted. */
async function rateOf(contender, inFlight) {
  let next = Math.floor(Math.random() * KEYS)
  let done = 0
  let until = performance.now() + 200
  const worker = async () => {
    while (performance.now() < until) {
      for (let i = 0; i < 16; i++) {
        next = (next + 7_919) % KEYS
        await contender(addresses[next])
        done += 1
      }
    }
  }
  const all = () => Promise.all(Array.from({ length: contender.atOnce ? 1 : inFlight }, worker))
  await all()
  done = 0
  const began = performance.now()
  until = began + ROUND_MS
  await all()
  return (done / (performance.now() - began)) * 1_000
}

async function startRedis() {
  const port = await freePort()
  const server = spawn('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  })
  await Promise.race([once(server, 'spawn'), once(server, 'error').then(([error]) => Promise.reject(error))])
  const client = new Redis(port)
  client.on('error', () => undefined)
  await client.ping()
  await client.quit()
  return { port, stop: () => server.kill() }
}

async function freePort() {
  const probe = createServer().listen(0)
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  return port
}
