import { type Ask, askedAnew, haveSlots } from '../decisions/ask.js'
import { Decision } from '../decisions/decision.js'
import type { Once } from '../decisions/edit.js'
import { isShutOut, type Override } from '../decisions/override.js'
import { type Settled, type Settler, settleBy } from '../decisions/settler.js'
import type { Failover } from '../failover/failover.js'
import type { Failure } from '../failover/failure.js'
import type { ObservedDecisions } from '../observe/observed-decisions.js'
import type { Naming } from '../policies/bind-policies.js'
import { asSoft, type Policy } from '../policies/policy.js'
import type { Unit } from '../policies/rate.js'
import { isThenable } from '../runtime/thenable.js'
import { decideBehindGates, type Entry, haveGates } from './adaptive-gates.js'
import type { BanTerms } from './ban-options.js'
import { Banning } from './banning.js'
import type { Costs } from './costs.js'
import type { UsageLedger } from './ledger.js'
import { blockedStanding, OverriddenAsks } from './overridden-asks.js'
import { type Overrides, overridesOf } from './overrides.js'
import { noteOnce, refund } from './receipts.js'
import { type Reserved, reservedOf } from './reserved.js'
import { closeReservation, differenceOf, extensionOf, settledAsks } from './settling.js'
import { type OnLost, type Outcome, type SlotOwner, type Slots, slotsOf } from './slots.js'

type Answer = Decision | Promise<Decision>

/** What denials bring about. */
export interface Denying {
  readonly ban?: BanTerms | undefined
  readonly countDenied?: boolean | undefined
}

/** Decides for one limit: by its policies, or by what overrides them for a key. */
export class Decider implements Settler, SlotOwner {
  readonly name: string
  /** Whoever observes what it decides. */
  readonly observers: ObservedDecisions
  /** Whether any of its policies can warn: most limits never do. */
  readonly warns: boolean
  readonly failover: Failover
  readonly failure: Failure
  readonly overrides: Overrides
  readonly slots: Slots
  /** Where keys that are denied too often are banned. */
  readonly banning: Banning | undefined
  /** The units in which decisions are settled: until one was, nobody notes what is reserved. */
  readonly settledUnits: Set<Unit> = new Set()
  /** What has been reserved and not settled. */
  readonly reserved: Reserved
  /** Learns of what was taken in addition, when the true cost was known. */
  onCharged: (charged: Decision, decision: Decision) => void = () => undefined
  /** Learns that a decision has been settled. */
  onSettled: (decision: Decision) => void = () => undefined
  /** Learns of slots that expired while they were held. */
  onLost: OnLost = () => undefined
  readonly #ledger: UsageLedger | undefined
  readonly #countsDenied: boolean
  /** Whether a denial brings something about. */
  readonly #reacts: boolean
  readonly #overridden: OverriddenAsks

  constructor(
    naming: Naming,
    failover: Failover,
    failure: Failure,
    ledger: UsageLedger | undefined,
    observers: ObservedDecisions,
    { ban, countDenied = false }: Denying = {},
  ) {
    this.name = naming.name
    this.observers = observers
    this.warns = [naming.warnAt ?? []].flat().length > 0 || (naming.warnEvery ?? 0) > 0
    this.failover = failover
    this.failure = failure
    this.overrides = overridesOf(failover)
    this.slots = slotsOf(failover)
    this.reserved = reservedOf(failover)
    this.#countsDenied = countDenied
    this.#reacts = countDenied || ban !== undefined
    this.banning = ban && new Banning(naming.name, ban, failover, failure, this.overrides)
    this.#ledger = ledger
    this.#overridden = new OverriddenAsks(naming, this.overrides, failover, (policies) => this.own(policies))
  }

  /** Settles the decisions by these policies. */
  own(policies: readonly Policy[]): void {
    settleBy(policies, this)
  }

  /** With `once`, what an id counts once. */
  decide(verb: 'consume' | 'peek', asks: readonly Ask[], once?: Once): Answer {
    const answer = this.attempt(verb, asks, once)
    return verb === 'peek' ? answer : this.told(answer)
  }

  /** What a client is told: only now does a denial bring about anything, which it does not with most limits. */
  told(answer: Answer): Answer {
    if (!(this.#reacts || this.reserved.isUsed)) return answer
    if (answer instanceof Decision) return answer.allowed ? answer : this.#denied(answer, this.overrides.isHere)
    return answer.then((decision) => (decision.allowed ? decision : this.#denied(decision, true)))
  }

  /** What a denial brings about. `asked`: it was made by the store, not remembered. */
  #denied(denial: Decision, asked: boolean): Answer {
    this.banning?.note(denial, asked)
    if (!this.#countsDenied || denial.degraded || denial.override !== undefined) return this.reserved.noted(denial)
    const costs = denial.asks.filter(({ policy }) => policy.lease === undefined && policy.calendar === undefined)
    if (costs.length === 0) return this.reserved.noted(denial)
    const counted = this.failover.decide(
      'consume',
      costs.map(({ policy, key, cost }) => ({ policy: asSoft(policy, policy.capacity), key, cost })),
      this.failure,
    )
    // Asked behind it, in the same call: how long a client has to wait that was counted.
    const now = this.failover.decide('peek', costs, this.failure)
    const after = ({ degraded, standings }: Decision): Decision => {
      const all = denial.asks.map((ask, i) => standings[costs.indexOf(ask)] ?? denial.standings[i])
      const told = denial.with(all.filter((one) => one !== undefined))
      return this.reserved.noted(degraded || told.allowed ? denial : told)
    }
    if (!isThenable(counted) && !isThenable(now)) return after(now)
    return Promise.all([counted, now]).then(([, decision]) => after(decision))
  }

  /** See `Decision.settle`. */
  settle(decision: Decision, units: Settled, unit: Unit | undefined): boolean | Promise<boolean> {
    const difference = differenceOf(decision, units, unit)
    this.reserved.isUsed = true
    const asks = settledAsks(decision)
    for (const { policy } of asks) this.settledUnits.add(policy.unit)
    this.reserved.remove(decision, asks)
    if (difference === undefined) return false
    const { back, more } = difference
    const taken = more.length === 0 ? undefined : this.#charge(more, decision)
    const returned = Object.keys(back).length === 0 ? undefined : this.refund(decision, back)
    const settled = (isTaken: boolean | undefined): boolean => {
      this.onSettled(decision)
      return isTaken !== false
    }
    if (!isThenable(returned) && !isThenable(taken)) return settled(taken)
    return this.#heeded(Promise.all([taken, returned]).then(([isTaken]) => settled(isTaken)))
  }

  /** Whether it was taken: during an outage, `onStoreError` may have it otherwise. */
  #charge(more: readonly Ask[], decision: Decision): boolean | Promise<boolean> {
    const answer = this.failover.decide('consume', more, this.failure)
    const noted = (charged: Decision): boolean => {
      this.#ledger?.record(this.name, charged)
      this.observers.each((one) => one.charged?.(this.name, charged))
      this.onCharged(charged, decision)
      return charged.taken && charged.standings.length > 0
    }
    return isThenable(answer) ? answer.then(noted) : noted(answer)
  }

  /** See `Decision.cancel`. */
  cancel(decision: Decision): boolean | Promise<boolean> {
    this.reserved.remove(decision)
    const open = closeReservation(decision)
    if (open === undefined) return false
    const returned = this.refund(decision, open)
    return isThenable(returned) ? this.#heeded(returned.then(() => true)) : true
  }

  /** See `Decision.extend`. */
  extend(decision: Decision, units: number, unit: Unit | undefined): Answer {
    const asks = extensionOf(decision, units, unit)
    if (asks.length === 0) return new Decision([], [], 'consume')
    const { override } = this.overrides.isEmpty ? { override: undefined } : this.#overridden.of(asks)
    // By the policies that the decision was made by, whatever holds by now, unless the key is shut out.
    const answer = isShutOut(override) ? this.#decideNow('consume', asks, undefined) : this.#ask('consume', asks)
    const noted = (more: Decision): Decision => {
      this.#ledger?.record(this.name, more)
      if (more.taken) this.observers.each((one) => one.charged?.(this.name, more))
      this.reserved.isUsed = true
      this.reserved.add(more)
      this.onCharged(more, decision)
      return more.allowed ? more : this.reserved.noted(more)
    }
    return isThenable(answer) ? answer.then(noted) : noted(answer)
  }

  /** A handler that does not wait for it must not end the process where the store cannot be reached: that is reported. */
  #heeded(answer: Promise<boolean>): Promise<boolean> {
    answer.catch((error) => this.failover.report(error))
    return answer
  }

  /** `decide` for somebody who waits: a denial brings about nothing, since they ask again. */
  attempt(verb: 'consume' | 'peek', asks: readonly Ask[], once: Once | undefined): Answer {
    const isPlain = once === undefined && this.#ledger === undefined && this.overrides.areNone
    return isPlain ? this.#ask(verb, asks) : this.#decideWith(verb, asks, once)
  }

  /** With ids, a ledger or overrides. */
  #decideWith(verb: 'consume' | 'peek', asks: readonly Ask[], once: Once | undefined): Answer {
    const answer = this.#decide(verb, asks, once)
    return this.#ledger === undefined || verb === 'peek' ? answer : this.#recorded(answer, this.#ledger)
  }

  /** How a key's buckets stand, whether or not it is blocked or unlimited. */
  look(asks: readonly Ask[]): Answer {
    const { left, override } = this.#overridden.of(asks)
    const isPolicies = override !== undefined && typeof override.to !== 'string'
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
        const again = (): Answer => this.#decideNow(verb, askedAnew(asks), once)
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
    if (isShutOut(override)) {
      const standings = left.map((ask) => blockedStanding(ask, override))
      return new Decision(left, standings, verb).by(override)
    }
    if (left.length === 0) return new Decision(asks, [], verb).by(override)
    const answer = this.#ask(verb, left, once)
    return isThenable(answer) ? answer.then((decision) => decision.by(override)) : answer.by(override)
  }

  #ask(verb: 'consume' | 'peek', asks: readonly Ask[], once?: Once): Answer {
    if (once !== undefined) return this.#askOnce(asks, once)
    return haveSlots(asks) ? this.#askForSlots(verb, asks) : this.failover.decide(verb, asks, this.failure)
  }

  /** Without slots: what is repeated would hold none. */
  #askOnce(asks: readonly Ask[], once: Once): Answer {
    const answer = this.failover.decideOnce(asks, once, this.failure)
    return isThenable(answer) ? answer.then((decision) => noteOnce(decision, once)) : noteOnce(answer, once)
  }

  #askForSlots(verb: 'consume' | 'peek', asks: readonly Ask[]): Answer {
    if (haveGates(asks)) return this.#askBehindGates(verb, asks)
    const answer = this.failover.decide(verb, asks, this.failure)
    if (verb === 'peek') return answer
    return isThenable(answer) ? answer.then((decision) => this.#held(decision)) : this.#held(answer)
  }

  #askBehindGates(verb: 'consume' | 'peek', asks: readonly Ask[]): Answer {
    return decideBehindGates(
      verb,
      asks,
      (others) => this.failover.decide(verb, others, this.failure),
      (decision, entries) => this.slots.hold(decision, entries, this.failure, this),
    )
  }

  /** From here on, what was taken in slots is held; of a denial, when they may be free again is estimated. */
  #held(decision: Decision): Decision {
    if (!decision.allowed) return this.slots.estimated(decision, 0)
    this.slots.hold(decision, NO_ENTRIES, this.failure, this)
    return decision
  }

  /** Gives back the slots that a decision holds, and nothing else; once, however often it is called. */
  release(decision: Decision, outcome: Outcome = 'done'): void | Promise<void> {
    return this.slots.release(decision, outcome)
  }
}

const NO_ENTRIES: readonly Entry[] = []

function alike(some: readonly (Override | undefined)[], others: readonly (Override | undefined)[]): boolean {
  return some.every((one, i) => JSON.stringify(one) === JSON.stringify(others[i]))
}
