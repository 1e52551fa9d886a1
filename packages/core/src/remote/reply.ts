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

/** What became of the entry of that number. */
export function verdictOf([, verdicts]: Reply, entry: number): 'allowed' | 'denied' | 'unusable' {
  const letter = verdicts[entry]
  if (letter === 'a') return 'allowed'
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
