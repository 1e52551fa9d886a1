import type { Ask, Return } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
import type { Renewal } from '../decisions/lease.js'
import { Standing } from '../decisions/standing.js'
import type { Failover } from '../failover/failover.js'
import type { Failure } from '../failover/failure.js'
import type { ObservedDecisions } from '../observe/observed-decisions.js'
import type { Policy } from '../policies/policy.js'
import { onePer } from '../runtime/one-per.js'
import { isThenable } from '../runtime/thenable.js'
import { type Entry, leave } from './adaptive-gates.js'
import { HoldingTimes } from './holding-times.js'

/** Learns of a slot that expired although its holder had not released it. */
export type OnLost = (decision: Decision, ask: Ask) => void

/** Whose slots are held. */
export interface SlotOwner {
  readonly name: string
  readonly onLost: OnLost
  readonly observers: ObservedDecisions
}

/** How the work ended that slots were held for: what a server that fails fast says of its load is nothing. */
export type Outcome = 'done' | 'failed' | 'left'

/** The slots of one decision, while they are held: linked, since a Map of them would cost as much as taking them. */
class Hold {
  readonly decision: Decision
  leases: readonly HeldLease[]
  /** Places in limits of this process. */
  readonly entries: readonly Entry[]
  readonly failure: Failure
  readonly owner: SlotOwner
  /** When it was taken, or `UNMEASURED`. */
  since: number
  before: Hold | undefined = undefined
  after: Hold | undefined = undefined

  constructor(
    decision: Decision,
    leases: readonly HeldLease[],
    entries: readonly Entry[],
    failure: Failure,
    owner: SlotOwner,
    since: number,
  ) {
    this.decision = decision
    this.leases = leases
    this.entries = entries
    this.failure = failure
    this.owner = owner
    this.since = since
  }
}

interface HeldLease extends Return {
  /** Until when it is certainly held, unless it is renewed, by this process's clock. */
  until: number
}

/** When leases of a length are renewed next, and when they were last. */
interface Turn {
  readonly timer: ReturnType<typeof setTimeout>
  readonly from: number
}

/** The time that slots are held for is measured of the first, and then of one in so many. */
const MEASURED_FIRST = 64
const MEASURED_EACH = 8
const UNMEASURED = -1

/** Everyone who uses a store renews its leases together. */
export const slotsOf: (failover: Failover) => Slots = onePer((failover) => new Slots(failover))

/** The slots that this process holds in a store: it renews them until they are released. */
export class Slots {
  readonly #failover: Failover
  /** The last that was taken; each leads to the one before it. */
  #last: Hold | undefined
  /** One for each length of lease, while such leases are held. */
  readonly #turns = new Map<number, Turn>()
  /** The turn asked for last: most slots are held for the same length. */
  #lastMs = 0
  #lastTurn: Turn | undefined
  #count = 0
  readonly #times = new HoldingTimes()
  #freed: ((freed: Ask) => void) | undefined

  constructor(failover: Failover) {
    this.#failover = failover
    failover.onClose(() => this.#close())
    // What could not be renewed during an outage may expire before its turn comes.
    failover.onRecovered(() => this.#renewAll())
  }

  /** Calls back at each release, as soon as it is on its way: what is asked of the store from then on comes behind it. */
  onFreed(callback: (freed: Ask) => void): void {
    this.#freed = callback
  }

  /**
   * From now on the decision's slots are renewed until `release`; nothing where it took none.
   * @param entries The limits of this process that it entered: their times are always measured.
   */
  hold(decision: Decision, entries: readonly Entry[], failure: Failure, owner: SlotOwner): void {
    const leases = decision.taken ? this.#leasesOf(decision, failure.timeoutMs) : NO_LEASES
    if (leases.length === 0 && entries.length === 0) return
    this.#count += 1
    const isMeasured =
      entries.length > 0 ||
      owner.observers.isWatched ||
      this.#count < MEASURED_FIRST ||
      this.#count % MEASURED_EACH === 0
    this.#add(new Hold(decision, leases, entries, failure, owner, isMeasured ? performance.now() : UNMEASURED))
  }

  #add(hold: Hold): void {
    hold.before = this.#last
    if (this.#last !== undefined) this.#last.after = hold
    this.#last = hold
    hold.decision.hold = hold
  }

  #remove(hold: Hold): void {
    const { before, after } = hold
    if (before !== undefined) before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    hold.decision.hold = undefined
  }

  /** What a decision holds: of each policy whose units are slots, those that it took. */
  #leasesOf({ asks, standings }: Decision, timeoutMs: number): readonly HeldLease[] {
    const leases: HeldLease[] = []
    for (let i = 0; i < asks.length; i++) {
      const ask = asks[i]
      if (ask?.lease === undefined || ask.cost === 0 || standings[i]?.allowed !== true) continue
      const { policy, key, cost, lease } = ask
      if (policy.lease === undefined || policy.lease.adaptive !== undefined) continue
      const { ms } = policy.lease
      // It was taken since the last renewal; if its answer came late, a little before.
      const until = this.#turnOf(ms).from + ms - Math.min(timeoutMs, ms / 3)
      leases.push({ policy, key, cost, lease, at: 0, until })
    }
    return leases
  }

  /** From now on, not since it was taken, the time is measured: of a request that was kept waiting on purpose. */
  begin({ hold }: Decision): void {
    if (hold instanceof Hold && hold.since !== UNMEASURED) hold.since = performance.now()
  }

  /**
   * Gives a decision's slots back, once. Where the store cannot be reached, they are free when their lease has expired,
   * since nobody renews it any more.
   * @throws {StoreError} where the store cannot be asked; also as a rejection.
   */
  release(decision: Decision, outcome: Outcome = 'done'): void | Promise<void> {
    const { hold } = decision
    if (!(hold instanceof Hold)) return
    this.#remove(hold)
    const { leases, entries, failure, owner, since } = hold
    if (since !== UNMEASURED) {
      const heldMs = performance.now() - since
      if (entries.length > 0) leave(entries, outcome === 'left' ? undefined : heldMs, outcome === 'failed')
      for (const { policy } of leases) this.#times.note(policy.address, heldMs)
      if (owner.observers.isWatched) owner.observers.each((one) => one.released?.(owner.name, decision, heldMs))
    }
    if (this.#freed !== undefined) for (const { ask } of entries) this.#freed(ask)
    if (leases.length === 0) return
    const answer = this.#failover.refund(leases, decision, failure, undefined)
    if (this.#freed !== undefined) for (const one of leases) this.#freed(one)
    return isThenable(answer) ? answer.then(nothing) : undefined
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
    return decision.with(standings)
  }

  /** How many are held, by policy; of adaptive limits, the places. */
  held(): ReadonlyMap<Policy, number> {
    const held = new Map<Policy, number>()
    const add = (policy: Policy, slots: number): unknown => held.set(policy, (held.get(policy) ?? 0) + slots)
    for (let hold = this.#last; hold !== undefined; hold = hold.before) {
      for (const { policy, cost } of hold.leases) add(policy, cost)
      for (const { ask } of hold.entries) add(ask.policy, ask.cost)
    }
    return held
  }

  /** What is held expires: there is no store to give it back to. */
  #close(): void {
    for (const { timer } of this.#turns.values()) clearTimeout(timer)
    this.#turns.clear()
    this.#lastTurn = undefined
    while (this.#last !== undefined) this.#remove(this.#last)
  }

  #turnOf(leaseMs: number): Turn {
    if (leaseMs === this.#lastMs && this.#lastTurn !== undefined) return this.#lastTurn
    const turn = this.#turns.get(leaseMs) ?? this.#renewAfter(leaseMs)
    this.#lastMs = leaseMs
    this.#lastTurn = turn
    return turn
  }

  #renewAfter(leaseMs: number): Turn {
    const timer = setTimeout(() => this.#renew(leaseMs), leaseMs / 3)
    if (typeof timer === 'object') timer.unref()
    const turn = { timer, from: performance.now() }
    this.#turns.set(leaseMs, turn)
    return turn
  }

  #renewAll(): void {
    for (const [leaseMs, { timer }] of [...this.#turns]) {
      clearTimeout(timer)
      this.#renew(leaseMs)
    }
  }

  #renew(leaseMs: number): void {
    this.#turns.delete(leaseMs)
    this.#lastTurn = undefined
    const now = performance.now()
    const due: Due[] = []
    for (let hold = this.#last; hold !== undefined; hold = hold.before) {
      for (const held of hold.leases) {
        const { policy, key, cost, lease = 0 } = held
        if (policy.lease?.ms !== leaseMs) continue
        due.push({ hold, held, renewal: { policy, key, cost, lease, restore: now < held.until } })
      }
    }
    if (due.length === 0) return
    this.#renewAfter(leaseMs)
    for (const degraded of [false, true]) {
      const some = due.filter(({ hold }) => hold.decision.degraded === degraded)
      const [first] = some
      if (first === undefined) continue
      const settle = (answer: readonly boolean[]): void => {
        for (const [i, one] of some.entries()) this.#settle(one, answer[i] === true, now + leaseMs)
      }
      const list = some.map(({ renewal }) => renewal)
      // A store that cannot be reached is asked again at the next turn.
      this.#failover.inBackground(() => {
        const answer = this.#failover.renew(list, degraded, first.hold.failure)
        return isThenable(answer) ? answer.then(settle) : settle(answer)
      })
    }
  }

  #settle({ hold, held, renewal }: Due, isHeld: boolean, until: number): void {
    const { decision } = hold
    if (decision.hold !== hold || !hold.leases.includes(held)) {
      if (isHeld && renewal.restore) this.#releaseAgain(hold, held)
    } else if (isHeld) held.until = until
    else {
      hold.leases = hold.leases.filter((one) => one !== held)
      if (hold.leases.length === 0 && hold.entries.length === 0) this.#remove(hold)
      hold.owner.onLost(decision, held)
    }
  }

  /** The store was asked to renew it before it was asked to release it, and may have done so in another order. */
  #releaseAgain({ decision, failure }: Hold, held: HeldLease): void {
    this.#failover.inBackground(() => this.#failover.refund([held], decision, failure, undefined))
  }
}

/** A lease whose renewal is due. */
interface Due {
  readonly hold: Hold
  readonly held: HeldLease
  readonly renewal: Renewal
}

const nothing = (): void => undefined

const NO_LEASES: readonly HeldLease[] = []
