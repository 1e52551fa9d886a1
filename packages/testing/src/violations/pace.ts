import { type Chain, freeGaps, type Gap } from './chains.js'
import { named, type Violation } from './violation.js'

/** Three pauses that differ by less than this share of their mean do not grow, nor are they random. */
const SAME_SHARE = 0.1
/** Pauses that are all shorter are no pauses, whatever their shares. */
const AT_ONCE_MS = 25
/** With so many pauses, a pace with a little jitter can be told from a growing one. */
const MANY_GAPS = 5
/** Pauses of many that vary by less are one pace with a little jitter; more of it may be a backoff that has reached its cap. */
const VARIATION = 0.15
/** A first pause that is so much shorter than most has grown. */
const GROWN = 0.8

/** Requests that were sent again and again at the same pace, although the server failed and named no time. */
export function withoutBackoff(chains: readonly Chain[]): readonly Violation[] {
  return chains.flatMap((chain) => {
    const gaps = freeGaps(chain)
    return isOnePace(gaps.map(({ ms }) => ms)) ? [violationOf(gaps)] : []
  })
}

/** Whether pauses are surely not those of a backoff. Random ones, as of full jitter, may well shrink now and then. */
export function isOnePace(gaps: readonly number[]): boolean {
  if (gaps.length < 3) return false
  if (gaps.every((ms) => ms < AT_ONCE_MS)) return true
  const average = mean(gaps)
  if (Math.max(...gaps) - Math.min(...gaps) <= SAME_SHARE * average) return true
  if (gaps.length < MANY_GAPS) return false
  const deviation = Math.sqrt(mean(gaps.map((ms) => (ms - average) ** 2)))
  return deviation / average < VARIATION && (gaps[0] ?? 0) >= GROWN * average
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length
}

function violationOf(gaps: readonly Gap[]): Violation {
  const requests = gaps.flatMap(({ from, to }, i) => (i === 0 ? [from.request, to.request] : [to.request]))
  const pauses = gaps.slice(0, 10).map(({ ms }) => ms)
  const [first] = requests
  return {
    kind: 'no-backoff',
    message: `${first === undefined ? 'A request' : named(first)} was retried ${gaps.length} times at the same pace: after ${pauses.join(', ')} ms.`,
    requests,
  }
}
