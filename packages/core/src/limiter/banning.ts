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

/** Learns that a key was banned: until when, in Unix milliseconds, and how many times it has now been banned in a row. */
export type OnBanned = (ban: { readonly key: string; readonly until: number; readonly times: number }) => void

/** Denials of a key that cost the store nothing, and have not been counted there. */
interface Uncounted {
  count: number
  /** When the first of them was. */
  readonly since: number
}

/** Counts the denials of one limit's keys, over all processes, and bans those that have too many. */
export class Banning {
  readonly #limit: string
  readonly #terms: BanTerms
  readonly #failover: Failover
  readonly #failure: Failure
  readonly #overrides: Overrides
  readonly #counter: Policy
  readonly #uncounted = new Map<string, Uncounted>()
  /** How many more denials ban a key, as the store said last. */
  readonly #missing = new Map<string, number>()
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
      bucket: `${limit}·denials`,
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
    const count = this.#countOf(key) + 1
    if ((!asked && count < this.#enough(key)) || this.#underWay.has(key)) this.#keep(key, count)
    else this.#flush(key, count)
  }

  #countOf(key: string): number {
    const known = this.#uncounted.get(key)
    return known === undefined || known.since + this.#terms.withinMs <= performance.now() ? 0 : known.count
  }

  #keep(key: string, count: number): void {
    const known = this.#uncounted.get(key)
    if (known !== undefined && count > 1) {
      known.count = count
      return
    }
    if (known === undefined) makeRoom(this.#uncounted)
    this.#uncounted.set(key, { count, since: performance.now() })
  }

  /** Half of those that ban the key, as far as is known: other processes have some that are not counted yet either. */
  #enough(key: string): number {
    return Math.ceil((this.#missing.get(key) ?? this.#terms.after) / 2)
  }

  #flush(key: string, count: number): void {
    this.#uncounted.delete(key)
    this.#count(key, Math.min(count, this.#terms.after))
  }

  #count(key: string, cost: number): void {
    const counted = ({ allowed, degraded, standings }: Decision): Promise<void> | undefined => {
      if (degraded) return undefined
      const missing = allowed ? (standings[0]?.remaining ?? 0) : 0
      if (!this.#missing.has(key)) makeRoom(this.#missing)
      if (missing > 0) this.#missing.set(key, missing)
      else this.#missing.delete(key)
      return missing > 0 ? undefined : this.#ban(key)
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
          const count = this.#countOf(key)
          if (count >= this.#enough(key)) this.#flush(key, count)
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
    this.#uncounted.delete(key)
    await this.#failover.reset([this.#counter], key, this.#failure)
    this.onBanned({ key, until, times })
  }
}

/** The key that came first goes: its denials are counted when the store is asked for it again. */
function makeRoom(keys: Map<string, unknown>): void {
  if (keys.size < MOST_KEYS) return
  for (const oldest of keys.keys()) {
    keys.delete(oldest)
    return
  }
}

/** Whether the key was denied by a limit of its own: what clients share may be full without any of them at fault. */
function isOwnFault({ standings, asks }: Decision): boolean {
  const [first] = asks
  return standings.some(({ allowed, policy }, i) => {
    return !allowed && !policy.shadow && policy.lease?.shared !== true && asks[i]?.key === first?.key
  })
}
