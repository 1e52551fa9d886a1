import { type Chain, freeGaps, type Gap, groupedBy } from './chains.js'
import type { Violation } from './violation.js'

/** So many first retries of one client show whether its pauses are random. */
const FEWEST = 4
/** Random pauses are spread wider than this: event loops and timers alone spread them by a few milliseconds. */
const SAME_MS = 10
/** Shorter pauses are no pauses; they are told of as `no-backoff`. */
const SHORTEST_MS = 50

/** Clients whose first retries all come after the same time, so that they would meet those of other clients. */
export function withoutJitter(chains: readonly Chain[]): readonly Violation[] {
  const firsts = chains.flatMap((chain) => freeGaps(chain).slice(0, 1))
  return [...groupedBy(firsts, ({ from }) => from.request.key).values()].flatMap((gaps) => {
    const pauses = gaps.map(({ ms }) => ms)
    const [least, most] = [Math.min(...pauses), Math.max(...pauses)]
    return gaps.length >= FEWEST && most - least <= SAME_MS && least >= SHORTEST_MS
      ? [violationOf(gaps, least, most)]
      : []
  })
}

function violationOf(gaps: readonly Gap[], least: number, most: number): Violation {
  return {
    kind: 'no-jitter',
    message: `${gaps.length} requests were retried after the same time, ${least} to ${most} ms: the retries have no jitter.`,
    requests: gaps.map(({ to }) => to.request),
  }
}
