import type { Ask, Return } from '../decisions/ask.js'
import { Decision } from '../decisions/decision.js'
import type { Renewal } from '../decisions/lease.js'
import { Standing } from '../decisions/standing.js'
import type { Failover } from '../failover/failover.js'
import type { Failure } from '../failover/failure.js'
import { isThenable } from '../runtime/thenable.js'
import { type Entry, leave } from './adaptive-gates.js'
import { HoldingTimes } from './holding-times.js'

/** Learns of a slot that expired although its holder had not released it. */
export type OnLost = (decision: Decision, ask: Ask) => void

/** How the work ended that slots were held for: what a server that fails fast says of its load is nothing. */
export type Outcome = 'done' | 'failed' | 'left'

/** The slots of one decision, while they are held. */
interface Hold {
  leases: readonly HeldLease[]
  /** Places in limits of this process. */
  readonly entries: readonly Entry[]
  readonly failure: Failure
  readonly onLost: OnLost
  readonly since: number
}

interface HeldLease {
  readonly back: Return
  /** When it expires, unless it is renewed, by this process's clock. */
  until: number
}

const all = new WeakMap<Failover, Slots>()

/** Everyone who uses a store renews its leases together. */
export function slotsOf(failover: Failover): Slots {
  let slots = all.get(failover)
  if (slots === undefined) {
    slots = new Slots(failover)
    all.set(failover, slots)
  }
  return slots
}

/** The slots that this process holds in a store: it renews them until they are released. */
export class Slots {
  readonly #failover: Failover
  readonly #held = new Map<Decision, Hold>()
  readonly #entered = new WeakMap<Decision, readonly Entry[]>()
  /** One for each length of lease, while such leases are held. */
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>()
  readonly #times = new HoldingTimes()
  readonly #freed = new Set<(freed: Ask) => void>()

  constructor(failover: Failover) {
    this.#failover = failover
    failover.onClose(() => this.#close())
  }

  /** Decisions whose slots are held. */
  get size(): number {
    return this.#held.size
  }

  /** Calls back at each release, as soon as it is on its way: what is asked of the store from then on comes behind it. */
  onFreed(callback: (freed: Ask) => void): () => void {
    this.#freed.add(callback)
    return () => this.#freed.delete(callback)
  }

  /** From now on the decision's slots are renewed until `release`; nothing where it took none. */
  hold(decision: Decision, failure: Failure, onLost: OnLost): void {
    const entries = this.#entered.get(decision) ?? NO_ENTRIES
    const returns = decision.taken ? returnsOf(decision) : NONE
    if (returns.length === 0 && entries.length === 0) return
    this.#entered.delete(decision)
    const since = performance.now()
    const leases = returns.map((back) => {
      const ms = back.policy.lease?.ms ?? 0
      if (!this.#timers.has(ms)) this.#renewAfter(ms)
      return { back, until: since + ms }
    })
    this.#held.set(decision, { leases, entries, failure, onLost, since })
  }

  /** What a decision has taken in limits of this process, until it is held. */
  enter(decision: Decision, entries: readonly Entry[]): void {
    if (entries.length > 0) this.#entered.set(decision, entries)
  }

  isHeld(decision: Decision): boolean {
    return this.#held.has(decision)
  }

  /**
   * Gives a decision's slots back, once. Where the store cannot be reached, they are free when their lease has expired,
   * since nobody renews it any more.
   * @throws {StoreError} where the store cannot be asked; also as a rejection.
   */
  release(decision: Decision, outcome: Outcome = 'done'): void | Promise<void> {
    const hold = this.#held.get(decision)
    if (hold === undefined) return
    this.#held.delete(decision)
    const { leases, entries, failure, since } = hold
    const returns = leases.map(({ back }) => back)
    const heldMs = performance.now() - since
    if (entries.length > 0) leave(entries, outcome === 'left' ? undefined : heldMs, outcome === 'failed')
    if (returns.length === 0) return
    for (const { policy } of returns) this.#times.note(policy.address, heldMs)
    const answer = this.#failover.refund(returns, decision, failure, undefined)
    if (this.#freed.size > 0) for (const freed of this.#freed) for (const one of returns) freed(one)
    return isThenable(answer) ? Promise.resolve(answer).then(() => undefined) : undefined
  }

  /** A denial with the time at which slots may be free again, as far as the times they are held for tell. */
  estimated(decision: Decision, ahead: number): Decision {
    const standings = decision.standings.map((standing) => {
      const { policy, allowed, retryAfterMs, resetAfterMs } = standing
      if (policy.lease === undefined || allowed || retryAfterMs === Number.POSITIVE_INFINITY) return standing
      if (policy.lease.adaptive !== undefined) return standing
      const mean = this.#times.meanOf(policy.address) ?? 0
      // Slots become free one by one: of so many, each after its share of the time that one is held.
      const wait = Math.max(1_000, Math.ceil((mean * (1 + ahead)) / policy.quota))
      return Standing.like(standing, { retryAfterMs: wait, resetAfterMs: Math.max(wait, resetAfterMs) })
    })
    const { asks, degraded, override } = decision
    const estimate = new Decision(asks, standings, 'consume', degraded)
    return override === undefined ? estimate : estimate.by(override)
  }

  /** What is held expires: there is no store to give it back to. */
  #close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#held.clear()
  }

  #renewAfter(leaseMs: number): void {
    const timer = setTimeout(() => this.#renew(leaseMs), leaseMs / 3)
    if (typeof timer === 'object') timer.unref()
    this.#timers.set(leaseMs, timer)
  }

  #renew(leaseMs: number): void {
    this.#timers.delete(leaseMs)
    const now = performance.now()
    const due: Due[] = []
    for (const [decision, hold] of this.#held) {
      for (const held of hold.leases) {
        const { policy, key, cost, lease = 0 } = held.back
        if (policy.lease?.ms !== leaseMs) continue
        due.push({ decision, hold, held, renewal: { policy, key, cost, lease, restore: now < held.until } })
      }
    }
    if (due.length === 0) return
    this.#renewAfter(leaseMs)
    for (const degraded of [false, true]) {
      const some = due.filter(({ decision }) => decision.degraded === degraded)
      const [first] = some
      if (first === undefined) continue
      const settle = (answer: readonly boolean[]): void => {
        for (const [i, one] of some.entries()) this.#settle(one, answer[i] === true, now + leaseMs)
      }
      const failed = (error: unknown): void => this.#failover.report(error)
      const list = some.map(({ renewal }) => renewal)
      try {
        const answer = this.#failover.renew(list, degraded, first.hold.failure)
        // A store that cannot be reached is asked again at the next turn.
        if (isThenable(answer)) answer.then(settle).catch(failed)
        else settle(answer)
      } catch (error) {
        failed(error)
      }
    }
  }

  #settle({ decision, hold, held, renewal }: Due, isHeld: boolean, until: number): void {
    if (this.#held.get(decision) !== hold || !hold.leases.includes(held)) {
      if (isHeld && renewal.restore) this.#releaseAgain(decision, hold, held)
    } else if (isHeld) held.until = until
    else {
      hold.leases = hold.leases.filter((one) => one !== held)
      if (hold.leases.length === 0 && hold.entries.length === 0) this.#held.delete(decision)
      hold.onLost(decision, held.back)
    }
  }

  /** The store was asked to renew it before it was asked to release it, and may have done so in another order. */
  #releaseAgain(decision: Decision, { failure }: Hold, { back }: HeldLease): void {
    try {
      const answer = this.#failover.refund([back], decision, failure, undefined)
      if (isThenable(answer)) Promise.resolve(answer).catch((error) => this.#failover.report(error))
    } catch (error) {
      this.#failover.report(error)
    }
  }
}

/** A lease whose renewal is due. */
interface Due {
  readonly decision: Decision
  readonly hold: Hold
  readonly held: HeldLease
  readonly renewal: Renewal
}

/** What a decision holds: of each policy whose units are slots, those that it took. */
function returnsOf({ asks, standings }: Decision): readonly Return[] {
  const only = asks.length === 1 ? asks[0] : undefined
  if (only !== undefined) {
    const { policy, key, cost, lease } = only
    return lease !== undefined && policy.lease?.adaptive === undefined && cost > 0 && standings[0]?.allowed
      ? [{ policy, key, cost, lease, at: 0 }]
      : NONE
  }
  const returns: Return[] = []
  for (let i = 0; i < asks.length; i++) {
    const ask = asks[i]
    if (
      ask?.lease === undefined ||
      ask.policy.lease?.adaptive !== undefined ||
      ask.cost === 0 ||
      standings[i]?.allowed !== true
    )
      continue
    returns.push({ policy: ask.policy, key: ask.key, cost: ask.cost, lease: ask.lease, at: 0 })
  }
  return returns
}

const NONE: readonly Return[] = []
const NO_ENTRIES: readonly Entry[] = []
