import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const KEYS = 5_000_000
const self = fileURLToPath(import.meta.url)

/** Five million keys that never come again, against the default memory store: memory and the slowest decisions. */
export function flood() {
  const { stdout } = spawnSync(process.execPath, ['--expose-gc', self, 'run'], { encoding: 'utf8' })
  return JSON.parse(stdout)
}

if (process.argv[1] === self && process.argv[2] === 'run') {
  const { createLimiter, memoryStore } = await import('@sluice/core')
  const store = memoryStore()
  const limiter = createLimiter({ policies: '100/h', store })
  while (limiter.consume('attacker').allowed);
  const times = new Float64Array(KEYS)
  const rows = []
  for (let key = 0; key < KEYS; key++) {
    const text = `203.0.113.7/${key}`
    const began = performance.now()
    limiter.consume(text)
    times[key] = performance.now() - began
    if ((key + 1) % 1_000_000 === 0) rows.push(row(key + 1, times.subarray(key - 999_999, key + 1)))
  }
  const denied = !limiter.consume('attacker').allowed
  console.log(
    JSON.stringify([...rows, { ...row(KEYS, times), 'keys so far': 'all', 'the denied is still denied': denied }]),
  )

  function row(keys, part) {
    const sorted = Float64Array.from(part).sort()
    globalThis.gc()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    const at = (share) => Number((sorted[Math.floor(sorted.length * share)] * 1_000).toFixed(1))
    return {
      'keys so far': keys,
      held: store.size,
      MB: Math.round((heapUsed + arrayBuffers - times.byteLength) / 1e6),
      'p50 µs': at(0.5),
      'p99 µs': at(0.99),
      'p99.9 µs': at(0.999),
      'slowest ms': Number((sorted[sorted.length - 1] ?? 0).toFixed(1)),
    }
  }
}
