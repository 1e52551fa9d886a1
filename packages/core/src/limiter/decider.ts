import type { Ask } from '../decisions/ask.js'
import { Decision } from '../decisions/decision.js'
import type { Once } from '../decisions/edit.js'
import type { Override } from '../decisions/override.js'
import { Standing } from '../decisions/standing.js'
import { describe } from '../errors.js'
import type { Failover } from '../failover/failover.js'
import type { Failure } from '../failover/failure.js'
import { bindPolicies, type Naming } from '../policies/bind-policies.js'
import type { Policy } from '../policies/policy.js'
import { restoredPolicy, type StoredPolicy } from '../policies/stored-policy.js'
import { isThenable } from '../runtime/thenable.js'
import type { Costs } from './costs.js'
import type { UsageLedger } from './ledger.js'
import { type Overrides, overridesOf } from './overrides.js'
import { refund } from './receipts.js'

type Answer = Decision | Promise<Decision>

/** Decides for one limit: by its policies, or by what overrides them for a key. */
export class Decider {
  readonly failover: Failover
  readonly failure: Failure
  readonly overrides: Overrides
  readonly #naming: Naming
  /** The policies of each override by the plan that they stand in for, made once. */
  readonly #bound = new WeakMap<Override, Map<string | undefined, readonly Policy[]>>()

  readonly #ledger: UsageLedger | undefined

  constructor(naming: Naming, failover: Failover, failure: Failure, ledger: UsageLedger | undefined) {
    this.#naming = naming
    this.#ledger = ledger
    this.failover = failover
    this.failure = failure
    this.overrides = overridesOf(failover)
  }

  decide(verb: 'consume' | 'peek', asks: readonly Ask[]): Answer {
    return this.#ledger === undefined
      ? this.#decide(verb, asks)
      : this.#recorded(this.#decide(verb, asks), this.#ledger)
  }

  decideOnce(asks: readonly Ask[], once: Once): Answer {
    return this.#ledger === undefined
      ? this.#decideOnce(asks, once)
      : this.#recorded(this.#decideOnce(asks, once), this.#ledger)
  }

  /** Gives back what a decision took: see `refund`. */
  refund(decision: Decision, costs: Costs | undefined): void | Promise<void> {
    const ledger = this.#ledger
    const given = ledger && ((units: readonly number[]) => ledger.giveBack(this.#naming.name, decision, units))
    return refund(this.failover, decision, this.failure, costs, given)
  }

  /** Delivers what the ledger has, and closes the store. */
  close(): void | Promise<void> {
    if (this.#ledger === undefined) return this.failover.close()
    return this.#ledger.close().then(() => this.failover.close())
  }

  #recorded(answer: Answer, ledger: UsageLedger): Answer {
    if (isThenable(answer)) return answer.then((decision) => this.#recorded(decision, ledger))
    ledger.record(this.#naming.name, answer)
    return answer
  }

  #decide(verb: 'consume' | 'peek', asks: readonly Ask[]): Answer {
    const reading = this.overrides.read(this.failure.timeoutMs)
    if (reading === undefined || this.failover.isDown) return this.#decideNow(verb, asks)
    const { version } = this.overrides
    // Asked at the same time, they travel together: nobody waits twice.
    const first = this.#decideNow(verb, asks)
    return reading
      .then(() => first)
      .then((decision) => {
        if (this.overrides.version === version || !this.#concerns(asks)) return decision
        const again = (): Answer => this.#decideNow(verb, asks)
        if (!decision.taken) return again()
        return Promise.resolve(refund(this.failover, decision, this.failure, undefined)).then(again, (error) => {
          this.failover.report(error)
          return again()
        })
      })
  }

  #decideOnce(asks: readonly Ask[], once: Once): Answer {
    const reading = this.overrides.read(this.failure.timeoutMs)
    if (reading === undefined || this.failover.isDown) return this.#decideOnceNow(asks, once)
    // What was counted once could not be given back and counted anew.
    return reading.then(() => this.#decideOnceNow(asks, once))
  }

  #decideNow(verb: 'consume' | 'peek', asks: readonly Ask[]): Answer {
    if (this.overrides.isEmpty || !this.#concerns(asks)) return this.failover.decide(verb, asks, this.failure)
    const { left, override } = this.#overridden(asks)
    if (override.to === 'blocked')
      return new Decision(
        left,
        left.map((ask) => blocked(ask, override)),
        verb,
      ).by(override)
    if (left.length === 0) return new Decision(asks, [], verb).by(override)
    return noted(this.failover.decide(verb, left, this.failure), override)
  }

  #decideOnceNow(asks: readonly Ask[], once: Once): Answer {
    if (this.overrides.isEmpty || !this.#concerns(asks)) return this.failover.decideOnce(asks, once, this.failure)
    const { left, override } = this.#overridden(asks)
    if (override.to === 'blocked' || left.length === 0) return this.#decideNow('consume', asks)
    return noted(this.failover.decideOnce(left, once, this.failure), override)
  }

  #concerns(asks: readonly Ask[]): boolean {
    return asks.some(({ key }) => this.overrides.find(this.#naming.name, key) !== undefined)
  }

  /** What is asked for in place of these; of a key that is blocked, that alone. */
  #overridden(asks: readonly Ask[]): { readonly left: readonly Ask[]; readonly override: Override } {
    const left: Ask[] = []
    const done = new Map<string, Override>()
    for (const ask of asks) {
      const override = this.overrides.find(this.#naming.name, ask.key)
      if (override === undefined) left.push(ask)
      else if (override.to === 'blocked') return { left: [ask], override }
      else if (!done.has(ask.key)) {
        done.set(ask.key, override)
        if (override.to !== 'unlimited') left.push(...this.#policiesOf(override, override.to, ask))
      }
    }
    const [override] = done.values()
    if (override === undefined) throw new Error('no override')
    return { left, override }
  }

  /** An override that cannot be used here leaves the limit as it is. */
  #policiesOf(override: Override, stored: readonly StoredPolicy[], ask: Ask): readonly Ask[] {
    const { plan } = ask.policy
    const bound = this.#bound.get(override) ?? new Map<string | undefined, readonly Policy[]>()
    let policies = bound.get(plan)
    if (policies === undefined) {
      try {
        policies = bindPolicies(stored.map(restoredPolicy), { ...this.#naming, plan })
      } catch (error) {
        this.failover.report(error instanceof Error ? error : new Error(describe(error)))
        return [ask]
      }
      this.#bound.set(override, bound.set(plan, policies))
    }
    return policies.map((policy) => ({ ...ask, policy }))
  }
}

function noted(answer: Answer, override: Override): Answer {
  return isThenable(answer) ? answer.then((decision) => decision.by(override)) : answer.by(override)
}

/** Nobody is told of a time before the override ends. */
function blocked({ policy }: Ask, { expiresAt }: Override): Standing {
  const ms = expiresAt === null ? Number.POSITIVE_INFINITY : Math.max(1, expiresAt - Date.now())
  return new Standing(policy, false, 0, ms === Number.POSITIVE_INFINITY ? null : ms, ms, ms, 0, 0)
}
