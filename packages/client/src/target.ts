import type { Events } from './events.js'
import { Breaker } from './layers/breaker.js'
import { Bulkhead } from './layers/bulkhead.js'
import { Pacer } from './layers/pacer.js'
import { RetryBudget } from './layers/retry-budget.js'
import { Throttle } from './layers/throttle.js'
import type { RemoteLimit } from './parse/remote-limit.js'
import type { Settings } from './settings.js'

/** What a client knows of one key, that is, of what it calls. */
export class Target {
  readonly key: string
  readonly budget: RetryBudget | undefined
  readonly breaker: Breaker | undefined
  readonly throttle: Throttle | undefined
  readonly pacer: Pacer | undefined
  readonly bulkhead: Bulkhead | undefined
  /** Calls that are under way: such a target is not forgotten. */
  calls = 0

  constructor(key: string, settings: Settings, events: Events) {
    this.key = key
    const { retry, breaker, throttle, gate, pacing, concurrency } = settings
    if (retry?.budget !== undefined) this.budget = new RetryBudget(retry.budget)
    if (breaker !== undefined) {
      this.breaker = new Breaker(key, breaker, {
        opened: (until) => events.emit('open', { key, until }),
        closed: () => events.emit('close', { key }),
      })
    }
    if (throttle !== undefined) this.throttle = new Throttle(throttle)
    if (gate || pacing) this.pacer = new Pacer({ gate, pacing })
    if (concurrency !== undefined) this.bulkhead = new Bulkhead(key, concurrency)
  }

  /** Whether nothing is lost when it is forgotten. */
  get isIdle(): boolean {
    const now = Date.now()
    if (this.calls > 0 || (this.bulkhead?.inside ?? 0) > 0 || this.pacer?.isHolding === true) return false
    return (this.breaker?.openUntil ?? 0) <= now
  }

  state(): TargetState {
    const { pacer, breaker, bulkhead } = this
    const now = Date.now()
    return {
      key: this.key,
      calls: this.calls,
      limits: pacer?.limits ?? [],
      gateClosedUntil: pacer !== undefined && pacer.closedUntil > now ? pacer.closedUntil : undefined,
      paced: pacer?.waiting ?? 0,
      breaker: breaker?.state,
      breakerOpenUntil: breaker !== undefined && breaker.openUntil > now ? breaker.openUntil : undefined,
      inside: bulkhead?.inside,
      queued: bulkhead?.waiting ?? 0,
      retriesLeft: this.budget === undefined ? undefined : Math.max(0, Math.floor(this.budget.left)),
      throttleProbability: this.throttle?.probability,
    }
  }
}

/** What a client knows of one key at the moment. Times are in Unix milliseconds; what a layer that is not there would say is `undefined`. */
export interface TargetState {
  readonly key: string
  /** Calls that have not ended. */
  readonly calls: number
  /** The limits that responses have reported last. */
  readonly limits: readonly RemoteLimit[]
  /** Until when no call is sent, while the gate is closed. */
  readonly gateClosedUntil: number | undefined
  /** Calls that wait at the gate, or for their pace. */
  readonly paced: number
  readonly breaker: 'closed' | 'open' | 'half-open' | undefined
  readonly breakerOpenUntil: number | undefined
  /** Calls that hold a place under `concurrency`. */
  readonly inside: number | undefined
  /** Calls that wait for one. */
  readonly queued: number
  readonly retriesLeft: number | undefined
  /** With what probability a call is kept back. */
  readonly throttleProbability: number | undefined
}

const MOST_TARGETS = 1_000
/** Beyond this also those are forgotten that something is known of. */
const MOST_BUSY_TARGETS = 10_000

/** The targets of one client: those that were called last, and those with calls under way. */
export class Targets {
  readonly #settings: Settings
  readonly #events: Events
  readonly #targets = new Map<string, Target>()
  #last: Target | undefined

  constructor(settings: Settings, events: Events) {
    this.#settings = settings
    this.#events = events
  }

  of(key: string): Target {
    if (this.#last?.key === key) return this.#last
    let target = this.#targets.get(key)
    if (target === undefined) {
      target = new Target(key, this.#settings, this.#events)
      if (this.#targets.size >= MOST_TARGETS) this.#forgetOldest()
    } else this.#targets.delete(key)
    // The newest stands last.
    this.#targets.set(key, target)
    this.#last = target
    return target
  }

  states(): readonly TargetState[] {
    return Array.from(this.#targets.values(), (target) => target.state())
  }

  /** One that is idle; those that are not are looked at again when the others have been. */
  #forgetOldest(): void {
    let left = MOST_LOOKED_AT
    for (const [key, target] of this.#targets) {
      if (target.isIdle || this.#targets.size >= MOST_BUSY_TARGETS) {
        this.#targets.delete(key)
        return
      }
      this.#targets.delete(key)
      this.#targets.set(key, target)
      left -= 1
      if (left === 0) return
    }
  }
}

const MOST_LOOKED_AT = 100
