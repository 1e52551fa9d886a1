import { type Ask, haveSlots } from '../decisions/ask.js'
import { Decision } from '../decisions/decision.js'
import type { Once } from '../decisions/edit.js'
import type { Override } from '../decisions/override.js'
import type { Failover } from '../failover/failover.js'
import type { Failure } from '../failover/failure.js'
import type { Naming } from '../policies/bind-policies.js'
import type { Policy } from '../policies/policy.js'
import { isThenable } from '../runtime/thenable.js'
import type { BanTerms } from './ban-options.js'
import { Banning } from './banning.js'
import type { Costs } from './costs.js'
import type { UsageLedger } from './ledger.js'
import { blockedStanding, OverriddenAsks } from './overridden-asks.js'
import { type Overrides, overridesOf } from './overrides.js'
import { noteOnce, refund } from './receipts.js'
import { type OnLost, type Slots, slotsOf } from './slots.js'

type Answer = Decision | Promise<Decision>

/** Decides for one limit: by its policies, or by what overrides them for a key. */
export class Decider {
  readonly name: string
  readonly failover: Failover
  readonly failure: Failure
  readonly overrides: Overrides
  readonly slots: Slots
  /** Where keys that are denied too often are banned. */
  readonly banning: Banning | undefined
  /** Learns of slots that expired while they were held. */
  onLost: OnLost = () => undefined
  readonly #ledger: UsageLedger | undefined
  readonly #overridden: OverriddenAsks

  constructor(
    naming: Naming,
    failover: Failover,
    failure: Failure,
    ledger: UsageLedger | undefined,
    ban: BanTerms | undefined,
  ) {
    this.name = naming.name
    this.failover = failover
    this.failure = failure
    this.overrides = overridesOf(failover)
    this.slots = slotsOf(failover)
    this.banning = ban && new Banning(naming.name, ban, failover, failure, this.overrides)
    this.#ledger = ledger
    this.#overridden = new OverriddenAsks(naming, this.overrides, failover)
  }

  /** With `once`, what an id counts once. */
  decide(verb: 'consume' | 'peek', asks: readonly Ask[], once?: Once): Answer {
    const answer = this.#decideAll(verb, asks, once)
    const { banning } = this
    if (banning === undefined || verb === 'peek') return answer
    if (!isThenable(answer)) {
      banning.note(answer, this.overrides.isHere)
      return answer
    }
    return answer.then((decision) => {
      banning.note(decision, true)
      return decision
    })
  }

  #decideAll(verb: 'consume' | 'peek', asks: readonly Ask[], once: Once | undefined): Answer {
    if (once === undefined && this.#ledger === undefined && this.overrides.areNone) {
      return this.#askStore(verb, asks)
    }
    const answer = this.#decide(verb, asks, once)
    return this.#ledger === undefined || verb === 'peek' ? answer : this.#recorded(answer, this.#ledger)
  }

  /** How a key's buckets stand, whether or not it is blocked or unlimited. */
  look(asks: readonly Ask[]): Answer {
    const { left, override } = this.#overridden.of(asks)
    const isPolicies =
      override !== undefined && override.to !== 'blocked' && override.to !== 'banned' && override.to !== 'unlimited'
    return this.failover.decide('peek', isPolicies ? left : asks, this.failure)
  }

  /** Gives back what a decision took: see `refund`. */
  refund(decision: Decision, costs: Costs | undefined): void | Promise<void> {
    const ledger = this.#ledger
    const given =
      ledger &&
      ((units: readonly number[], over: readonly number[]) => ledger.giveBack(this.name, decision, units, over))
    return refund(this.failover, decision, this.failure, costs, given)
  }

  /** Makes the buckets of a key fresh, also those of an override's policies, and lets its ids count again. */
  reset(policies: readonly Policy[], key: string): void | Promise<void> {
    const counter = this.banning === undefined ? [] : [this.banning.counter]
    const all = [...policies, ...this.#overridden.policiesFor(key), ...counter]
    return this.failover.reset(all, key, this.failure, this.name)
  }

  /** Delivers what the ledger has, and closes the store. */
  close(): void | Promise<void> {
    if (this.#ledger === undefined) return this.failover.close()
    return this.#ledger.release().then(() => this.failover.close())
  }

  #recorded(answer: Answer, ledger: UsageLedger): Answer {
    if (isThenable(answer)) return answer.then((decision) => this.#recorded(decision, ledger))
    ledger.record(this.name, answer)
    return answer
  }

  #decide(verb: 'consume' | 'peek', asks: readonly Ask[], once: Once | undefined): Answer {
    const reading = this.overrides.read(this.failure.timeoutMs)
    if (reading === undefined || this.failover.isDown) return this.#decideNow(verb, asks, once)
    const before = this.#overridden.allOf(asks)
    // Asked at the same time, they travel together: nobody waits twice.
    const first = this.#decideNow(verb, asks, once)
    return reading
      .then(() => first)
      .then((decision) => {
        if (alike(before, this.#overridden.allOf(asks))) return decision
        const again = (): Answer => this.#decideNow(verb, asks, once)
        if (!decision.taken) return again()
        return Promise.resolve(refund(this.failover, decision, this.failure, undefined)).then(again, (error) => {
          this.failover.report(error)
          return again()
        })
      })
  }

  #decideNow(verb: 'consume' | 'peek', asks: readonly Ask[], once: Once | undefined): Answer {
    if (this.overrides.isEmpty) return this.#ask(verb, asks, once)
    const { left, override } = this.#overridden.of(asks)
    if (override === undefined) return this.#ask(verb, asks, once)
    if (override.to === 'blocked' || override.to === 'banned') {
      const standings = left.map((ask) => blockedStanding(ask, override))
      return new Decision(left, standings, verb).by(override)
    }
    if (left.length === 0) return new Decision(asks, [], verb).by(override)
    const answer = this.#ask(verb, left, once)
    return isThenable(answer) ? answer.then((decision) => decision.by(override)) : answer.by(override)
  }

  #ask(verb: 'consume' | 'peek', asks: readonly Ask[], once: Once | undefined): Answer {
    if (once === undefined) return this.#askStore(verb, asks)
    const answer = this.failover.decideOnce(asks, once, this.failure)
    const noted = (decision: Decision): Decision => this.#held(noteOnce(decision, once))
    return isThenable(answer) ? answer.then(noted) : noted(answer)
  }

  #askStore(verb: 'consume' | 'peek', asks: readonly Ask[]): Answer {
    const answer = this.failover.decide(verb, asks, this.failure)
    if (verb === 'peek' || !haveSlots(asks)) return answer
    return isThenable(answer) ? answer.then((decision) => this.#held(decision)) : this.#held(answer)
  }

  /** From here on, what was taken in slots is held; of a denial, when they may be free again is estimated. */
  #held(decision: Decision): Decision {
    if (!decision.allowed) return this.slots.estimated(decision, 0)
    if (decision.taken) this.slots.hold(decision, this.failure, this.onLost)
    return decision
  }

  /** Gives back the slots that a decision holds, and nothing else; once, however often it is called. */
  release(decision: Decision): void | Promise<void> {
    return this.slots.release(decision)
  }
}

function alike(some: readonly (Override | undefined)[], others: readonly (Override | undefined)[]): boolean {
  return some.every((one, i) => JSON.stringify(one) === JSON.stringify(others[i]))
}
