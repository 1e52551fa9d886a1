import { algorithms } from '../algorithms/registry.js'
import type { Ask } from '../decisions/ask.js'
import type { Standing } from '../decisions/standing.js'
import type { Policy } from '../policies/policy.js'
import { twins } from './twins.js'

/**
 * What the script answers: its clock in milliseconds, a letter per entry, then for each bucket what its twin answers; or
 * what is wrong with it, in words.
 */
export type Reply = readonly [now: number, verdicts: string, ...buckets: (number | string)[]]

/** `repeated`: its id was counted before, and it is answered as it was then. */
export type Verdict = 'allowed' | 'denied' | 'repeated' | 'unusable'

/** What became of the entry of that number. */
export function verdictOf([, verdicts]: Reply, entry: number): Verdict {
  const letter = verdicts[entry]
  if (letter === 'a') return 'allowed'
  if (letter === 'r') return 'repeated'
  return letter === 'd' ? 'denied' : 'unusable'
}

/** Reads the buckets of a reply, one after the other. */
export class Buckets {
  readonly #reply: Reply
  #at = 2

  constructor(reply: Reply) {
    this.#reply = reply
  }

  /** The next bucket's cells at `now`; or what is wrong with it. */
  next(policy: Policy, now: number): number[] | string {
    const first = this.#numberOrFault()
    return typeof first === 'string' ? first : twins[policy.algorithm].cells(first, this.#number, policy, now)
  }

  /** A number, such as the time of an earlier answer; or what is wrong. */
  number(): number | string {
    return this.#numberOrFault()
  }

  /** How many numbers follow, and those; or what is wrong. */
  all(): number[] | string {
    const count = this.#numberOrFault()
    return typeof count === 'string' ? count : Array.from({ length: this.#within(count) }, this.#number)
  }

  /** How many texts follow, and those, `undefined` where the number is negative; or what is wrong. */
  texts(): string[] | undefined | string {
    const count = this.#numberOrFault()
    if (typeof count === 'string') return count
    return count < 0 ? undefined : Array.from({ length: this.#within(count) }, () => String(this.#reply[this.#at++]))
  }

  /** No more than there is. */
  #within(count: number): number {
    if (count <= this.#reply.length - this.#at) return count
    throw new Error('an answer that ends too early')
  }

  readonly #number = (): number => {
    if (this.#at >= this.#reply.length) throw new Error('an answer that ends too early')
    return Number(this.#reply[this.#at++])
  }

  /** A number, which a client may have been set up to hand over as text; or what is wrong. */
  #numberOrFault(): number | string {
    if (this.#at >= this.#reply.length) return 'the answer says nothing of it'
    const said = this.#reply[this.#at++]
    if (typeof said === 'number') return said
    return said !== undefined && WHOLE.test(said) ? Number(said) : String(said)
  }
}

const WHOLE = /^-?\d+$/

/** How a bucket stands: worked out here, from what was found there, by the algorithm that its twin obeyed. */
export function standingOf(ask: Ask, cells: number[], now: number, commit: boolean): Standing {
  return algorithms[ask.policy.algorithm].decide(cells, 0, ask.policy, ask.cost, now, commit)
}
