import type { Decision } from '../decisions/decision.js'
import type { Failover } from '../failover/failover.js'
import type { Failure } from '../failover/failure.js'
import { fixedWindow } from '../policies/constructors.js'
import { bindPolicy, type Policy } from '../policies/policy.js'
import { isThenable } from '../runtime/thenable.js'
import type { BanTerms } from './ban-options.js'
import type { Overrides } from './overrides.js'

/** Keys whose remembered denials are counted here at the most. */
const MOST_KEYS = 10_000

/** What is known here of a key's denials. */
interface Tally {
  /** Those that cost the store nothing, and have not been counted there. */
  uncounted: number
  /** So many more ban the key. */
  left: number
}

/** Learns that a key was banned: until when, in Unix milliseconds, and for the how manieth time in a row. */
export type OnBanned = (ban: { readonly key: string; readonly until: number; readonly times: number }) => void

/** Counts the denials of one limit's keys, over all processes, and bans those that have too many. */
export class Banning {
  readonly #limit: string
  readonly #terms: BanTerms
  readonly #failover: Failover
  readonly #failure: Failure
  readonly #overrides: Overrides
  readonly #counter: Policy
  readonly #tallies = new Map<string, Tally>()
  readonly #underWay = new Set<string>()
  onBanned: OnBanned = () => undefined

  constructor(limit: string, terms: BanTerms, failover: Failover, failure: Failure, overrides: Overrides) {
    this.#limit = limit
    this.#terms = terms
    this.#failover = failover
    this.#failure = failure
    this.#overrides = overrides
    const { after, withinMs } = terms
    const naming = {
      name: 'denials',
      bucket: `${limit}:denials`,
      plan: undefined,
      shadow: false,
      warnAt: [],
      warnEvery: 0,
    }
    this.#counter = bindPolicy(fixedWindow({ quota: after, windowMs: withinMs }), naming)
  }

  /** The policy that denials are counted by, to be reset with the limit's own. */
  get counter(): Policy {
    return this.#counter
  }

  /** Counts a denial. One that the store was not asked for is counted there with others, so that it costs nothing. */
  note(decision: Decision, asked: boolean): void {
    if (decision.allowed || decision.degraded || decision.override !== undefined || !isOwnFault(decision)) return
    const { key } = decision
    const tally = this.#tallyOf(key)
    tally.uncounted += 1
    if ((asked || tally.uncounted >= tally.left) && !this.#underWay.has(key)) this.#flush(key, tally)
  }

  #tallyOf(key: string): Tally {
    let tally = this.#tallies.get(key)
    if (tally === undefined) {
      if (this.#tallies.size >= MOST_KEYS) this.#tallies.clear()
      tally = { uncounted: 0, left: this.#terms.after }
      this.#tallies.set(key, tally)
    }
    return tally
  }

  #flush(key: string, tally: Tally): void {
    const cost = Math.min(tally.uncounted, this.#terms.after)
    tally.uncounted = 0
    this.#count(key, cost)
  }

  #count(key: string, cost: number): void {
    const counted = ({ allowed, degraded, standings }: Decision): Promise<void> | undefined => {
      const left = standings[0]?.remaining ?? 0
      if (!degraded && (!allowed || left === 0)) return this.#ban(key)
      // Others can only make it fewer, until the time is over.
      if (!degraded) this.#tallyOf(key).left = left
      return undefined
    }
    try {
      const answer = this.#failover.decide('consume', [{ policy: this.#counter, key, cost }], this.#failure)
      const done = isThenable(answer) ? answer.then(counted) : counted(answer)
      if (done === undefined) return
      this.#underWay.add(key)
      done
        .catch((error) => this.#failover.report(error))
        .finally(() => {
          this.#underWay.delete(key)
          // As many may have come meanwhile as ban a key.
          const tally = this.#tallies.get(key)
          if (tally !== undefined && tally.uncounted >= tally.left) this.#flush(key, tally)
        })
    } catch (error) {
      this.#failover.report(error)
    }
  }

  async #ban(key: string): Promise<void> {
    const { forMs, maxMs } = this.#terms
    const { timeoutMs } = this.#failure
    const now = Date.now()
    const before = this.#overrides.banOf(this.#limit, key)
    if (before !== undefined && (before.expiresAt === null || before.expiresAt > now)) return
    const isInARow = before?.expiresAt != null && before.expiresAt + maxMs > now
    const times = (isInARow ? (before.times ?? 0) : 0) + 1
    const until = now + Math.min(maxMs, forMs * 2 ** Math.min(times - 1, 50))
    const ban = { to: 'banned', expiresAt: until, reason: 'denied too often', times } as const
    await this.#overrides.ban(this.#limit, key, ban, maxMs, timeoutMs)
    this.#tallies.delete(key)
    await this.#failover.reset([this.#counter], key, this.#failure)
    this.onBanned({ key, until, times })
  }
}

/** Whether the key was denied by a limit of its own: what clients share may be full without any of them at fault. */
function isOwnFault({ standings, asks }: Decision): boolean {
  const [first] = asks
  return standings.some(({ allowed, policy }, i) => {
    return !allowed && !policy.shadow && policy.lease?.shared !== true && asks[i]?.key === first?.key
  })
}
