import { algorithms } from '../algorithms/registry.js'
import type { Ask } from '../decisions/ask.js'
import type { Standing } from '../decisions/standing.js'
import { StoreError } from '../errors.js'
import type { Policy } from '../policies/policy.js'

/** What the script answers: its clock in milliseconds, a letter per entry, then what it found in each bucket. */
export type Reply = readonly [now: number, verdicts: string, ...found: string[]]

/** What became of the entry of that number. */
export function verdictOf([, verdicts]: Reply, entry: number): 'allowed' | 'denied' | 'unusable' {
  const letter = verdicts[entry]
  if (letter === 'a') return 'allowed'
  return letter === 'd' ? 'denied' : 'unusable'
}

/** What the script found in those buckets, or what is wrong with them. */
export function foundIn(reply: Reply, first: number, last: number): readonly string[] {
  return reply.slice(2 + first, 2 + last) as readonly string[]
}

/** Which of those buckets is at fault, and why. */
export function unusableBucket(
  url: string,
  reply: Reply,
  names: readonly string[],
  first: number,
  last: number,
): StoreError {
  const fault = foundIn(reply, first, last).findIndex((said) => /[a-z]/i.test(said))
  const bucket = names[first + fault]
  if (fault < 0 || bucket === undefined) return new StoreError(`${url} gave an answer that is none.`)
  const why = foundIn(reply, first, last)[fault]
  return new StoreError(`The bucket ${bucket} in ${url} cannot be used: ${why}.`, { bucket })
}

/** A bucket as it was found, as numbers; a fresh one is all noughts. */
export function cellsOf(found: string, policy: Policy): number[] {
  if (found === '') return Array<number>(algorithms[policy.algorithm].width(policy)).fill(0)
  const cells: number[] = []
  let number = 0
  let sign = 1
  for (let i = 0; i < found.length; i++) {
    const code = found.charCodeAt(i)
    if (code === SPACE) {
      cells.push(sign * number)
      number = 0
      sign = 1
    } else if (code === MINUS) sign = -1
    else number = number * 10 + code - NOUGHT
  }
  cells.push(sign * number)
  return cells
}

const SPACE = 32
const MINUS = 45
const NOUGHT = 48

/** How a bucket stands: worked out here, from what was found there, by the algorithm that its twin obeyed. */
export function standingOf(ask: Ask, cells: number[], now: number, commit: boolean): Standing {
  return algorithms[ask.policy.algorithm].decide(cells, 0, ask.policy, ask.cost, now, commit)
}
