import { ConfigError } from '@sluice/core'
import { LONGEST_TIMER_MS, shown } from '@sluice/core/runtime'
import { randomNumbers } from './random.js'
import type { ReceivedRequest } from './received-request.js'

/** How long a mock waits before it answers: milliseconds, a range of them, or a function of the request. */
export type Latency = number | readonly [from: number, to: number] | ((request: ReceivedRequest) => number)

/** Always the same "random" latencies. */
const SEED = 1

/** @throws {ConfigError} on a latency that cannot be right; a function's answer is checked at each request. */
export function latencyOf(given: Latency | undefined): (request: ReceivedRequest) => number {
  if (given === undefined) return () => 0
  if (typeof given === 'function') return (request) => checkMs(given(request))
  if (typeof given === 'number') {
    checkMs(given)
    return () => given
  }
  const [from, to] = Array.isArray(given) ? given : []
  if (from === undefined || to === undefined || checkMs(from) > checkMs(to)) throw wrong(given)
  const random = randomNumbers(SEED)
  return () => from + random() * (to - from)
}

function checkMs(ms: unknown): number {
  if (typeof ms === 'number' && ms >= 0 && ms <= LONGEST_TIMER_MS) return ms
  throw wrong(ms)
}

function wrong(given: unknown): ConfigError {
  return new ConfigError(
    `latency: expected milliseconds such as 50, a range such as [20, 80] or a function that returns them, got ${shown(given)}.`,
  )
}
