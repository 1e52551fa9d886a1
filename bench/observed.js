import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createLimiter, memoryStore } from '@sluice/core'
import { dashboard } from '@sluice/dashboard'
import { createMetrics } from '@sluice/metrics'
import { closeAll, started } from './http.js'
import { inTurns, median } from './measure.js'

const KEYS = 10_000
const DECISIONS = 400_000
const ROUNDS = 21
const REQUESTS = 10_000

const addresses = Array.from({ length: KEYS }, (_, i) => `203.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
const shuffled = Array.from({ length: DECISIONS }, () => addresses[Math.floor(Math.random() * KEYS)])
/** A request's key is a string of its own, just read from a socket. */
const asRead = () => shuffled.map((key) => Buffer.from(key, 'latin1').toString('latin1'))

/** What it costs that somebody looks: with metrics and a dashboard, beside the same without, in one run. */
export async function observed() {
  return [...(await decisions()), ...(await express()), memory()]
}

async function decisions() {
  const contender = (isObserved) => {
    const limiter = createLimiter({ name: `observed-${isObserved}`, policies: '1000M/min' })
    if (isObserved) dashboard(limiter, { metrics: createMetrics(limiter) })
    // Each has its own code, as in a process of its own.
    return new Function('limiter', 'keys', `for (const key of keys) limiter.consume(key) // ${isObserved}`).bind(
      null,
      limiter,
    )
  }
  const contenders = { plain: contender(false), observed: contender(true) }
  const timed = (run, keys) => {
    const began = process.hrtime.bigint()
    run(keys)
    return Number(process.hrtime.bigint() - began) / keys.length
  }
  await inTurns(contenders, 3, (run) => timed(run, shuffled))
  const same = await inTurns(contenders, ROUNDS, (run) => timed(run, shuffled))
  const read = await inTurns(contenders, ROUNDS, (run) => timed(run, asRead()))
  return [row('ns a decision in memory', same), row('ns a decision in memory, fresh strings', read)]
}

async function express() {
  const running = await started('express', ['sluice', 'observed'])
  const run = ({ ask }) => ask({ requests: REQUESTS })
  await inTurns(running, 3, run)
  const { sluice, observed } = await inTurns(running, ROUNDS, run)
  closeAll(running)
  return [row('CPU µs an Express request', { plain: sluice, observed })]
}

/** Megabytes that are in use after so many decisions over 200 policies and a million keys: a full store, and what metrics keep beside it. */
function memory() {
  const collect = garbageCollector()
  const filled = (isObserved) => {
    const store = memoryStore({ maxKeys: 1_000_000 })
    const limiters = Array.from({ length: 200 }, (_, i) =>
      createLimiter({ name: `limit-${i}`, policies: '3/h', store }),
    )
    const metrics = isObserved ? createMetrics(limiters) : undefined
    const page = isObserved ? dashboard(limiters, { metrics }) : undefined
    for (let i = 0; i < 6_000_000; i++) limiters[i % 200].consume(`key-${i >> 1}`, { cost: 1 + (i % 2) })
    metrics?.text()
    collect()
    const used = process.memoryUsage().heapUsed / 2 ** 20
    page?.close()
    store.close()
    return used
  }
  const plain = filled(false)
  const observed = filled(true)
  const what = 'heap MB, 200 policies, a million keys, 6 M decisions'
  return { what, plain: round(plain), observed: round(observed), ratio: round(observed / plain) }
}

function garbageCollector() {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

function row(what, { plain, observed }) {
  const ratios = observed.map((value, i) => value / plain[i])
  return { what, plain: round(median(plain)), observed: round(median(observed)), ratio: round(median(ratios)) }
}

function round(value) {
  return Number(value.toFixed(2))
}
