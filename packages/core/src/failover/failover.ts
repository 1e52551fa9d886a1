import { fixedWindow } from '../algorithms/fixed-window.js'
import { warn } from '../builtin.js'
import { Decision, type Standing } from '../decision.js'
import { Emitter } from '../emitter.js'
import { isStoreError, StoreError } from '../errors.js'
import { bindPolicy, type Policy } from '../policy.js'
import type { Ask, Return, Store } from '../store.js'
import { Circuit } from './circuit.js'
import { Complaints } from './complaints.js'
import { Deadlines } from './deadlines.js'
import type { Failure } from './failure.js'
import { Fallback } from './fallback.js'

/** What a store's listeners are told. */
export interface StoreEvents {
  /** The store, or the named part of it, does not decide any more: `onStoreError` does, until `recovered`. */
  degraded: { readonly error: StoreError; readonly part: string }
  /** The store decides again, after so many milliseconds. */
  recovered: { readonly part: string; readonly afterMs: number }
  /** One bucket could not be used, or something could not be given back; told once a minute for each. */
  error: { readonly error: unknown }
}

/** Taken to see whether a part of the store decides, and writes, again. */
const PROBE = bindPolicy(fixedWindow('1000000/s'), { name: 'sluice-probe', shadow: false, warnAt: [] })

const failovers = new WeakMap<Store, Failover>()

/** All who use a store know alike whether it decides. */
export function failoverOf(store: Store): Failover {
  let failover = failovers.get(store)
  if (failover === undefined) {
    failover = new Failover(store)
    failovers.set(store, failover)
  }
  return failover
}

/** A store that never fails a request: what it cannot decide in time is decided without it. */
export class Failover {
  readonly store: Store
  readonly #events = new Emitter<StoreEvents>((error, name) => {
    if (name !== 'error') this.report(error)
  })
  /** By part; empty while all is well. */
  readonly #broken = new Map<string, Circuit>()
  readonly #deadlines = new Map<number, Deadlines>()
  readonly #complaints = new Complaints()
  readonly #fallback = new Fallback()
  #closed = false

  constructor(store: Store) {
    this.store = store
  }

  on<Name extends keyof StoreEvents>(name: Name, listener: (event: StoreEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** At once where the store answers at once, or does not answer at all. */
  decide(
    verb: 'consume' | 'peek',
    asks: readonly Ask[],
    key: string,
    cost: number,
    failure: Failure,
  ): Decision | Promise<Decision> {
    if (this.#broken.size > 0 && this.#broken.has(this.#partOf(key))) {
      return this.#fallback.decide(verb, asks, key, cost, failure)
    }
    const answer = verb === 'consume' ? this.store.consume(asks) : this.store.peek(asks)
    return isAnswer(answer) ? new Decision(key, cost, answer) : this.#later(answer, verb, asks, key, cost, failure)
  }

  /** Apart from `decide`, since what the closures here hold would be set up for every decision there. */
  #later(
    answer: Promise<readonly Standing[]>,
    verb: 'consume' | 'peek',
    asks: readonly Ask[],
    key: string,
    cost: number,
    failure: Failure,
  ): Promise<Decision> {
    return new Promise((resolve) => {
      const deadlines = this.#deadlinesOf(failure.timeoutMs)
      const deadline = deadlines.add(() => {
        this.#break(key, this.#tooLate(failure.timeoutMs), failure)
        resolve(this.#fallback.decide(verb, asks, key, cost, failure))
      })
      answer.then(
        (standings) => {
          if (deadline.met) return
          deadlines.meet(deadline)
          resolve(new Decision(key, cost, standings))
        },
        (error) => {
          if (deadline.met) return
          deadlines.meet(deadline)
          this.#failed(key, error, failure)
          resolve(this.#fallback.decide(verb, asks, key, cost, failure))
        },
      )
    })
  }

  /** Gives back to whoever decided. Rejects with a `StoreError` when the store does not take it back in time. */
  refund(returns: readonly Return[], decision: Decision, failure: Failure): void | Promise<void> {
    if (decision.degraded) return this.#fallback.refund(returns, failure)
    return this.#inTime(this.store.refund(returns), failure.timeoutMs)
  }

  /** Forgets a key. Rejects with a `StoreError` when the store does not do so in time. */
  reset(policies: readonly Policy[], key: string, failure: Failure): void | Promise<void> {
    return this.#inTime(this.store.reset(policies, [key]), failure.timeoutMs)
  }

  /** Something went wrong with one bucket, or with something that no request waits for. */
  report(error: unknown): void {
    if (!this.#complaints.isNew(error)) return
    if (this.#events.hears('error')) this.#events.emit('error', { error })
    else warn('SLUICE_STORE', error instanceof Error ? error.message : String(error))
  }

  close(): void | Promise<void> {
    this.#closed = true
    for (const circuit of this.#broken.values()) circuit.close()
    this.#broken.clear()
    for (const deadlines of this.#deadlines.values()) deadlines.close()
    this.#fallback.close()
    return this.store.close()
  }

  #partOf(key: string): string {
    return this.store.partOf?.(key) ?? ''
  }

  #deadlinesOf(ms: number): Deadlines {
    let deadlines = this.#deadlines.get(ms)
    if (deadlines === undefined) {
      deadlines = new Deadlines(ms)
      this.#deadlines.set(ms, deadlines)
    }
    return deadlines
  }

  #failed(key: string, error: unknown, failure: Failure): void {
    const known = isStoreError(error) ? error : new StoreError(`The store failed: ${error}`, { cause: error })
    if (known.bucket === undefined) this.#break(key, known, failure)
    else this.report(known)
  }

  #break(key: string, error: StoreError, failure: Failure): void {
    const part = this.#partOf(key)
    if (this.#closed || this.#broken.has(part)) return
    const circuit = new Circuit(
      () => this.#probe(key, failure.timeoutMs),
      () => {
        this.#broken.delete(part)
        const event = { part, afterMs: Math.round(performance.now() - circuit.brokenAt) }
        if (this.#events.hears('recovered')) this.#events.emit('recovered', event)
        else warn('SLUICE_RECOVERED', `${this.store.url ?? 'The store'} decides again, after ${event.afterMs} ms.`)
      },
    )
    this.#broken.set(part, circuit)
    if (this.#events.hears('degraded')) this.#events.emit('degraded', { error, part })
    else warn('SLUICE_DEGRADED', `${error.message.replace(/\.?$/, '.')} ${MEANWHILE[failure.onStoreError]}`)
  }

  async #probe(key: string, timeoutMs: number): Promise<unknown> {
    return this.#inTime(this.store.consume([{ policy: PROBE, key, cost: 1 }]), timeoutMs)
  }

  /** The answer, or a rejection when it has not come by then. */
  #inTime<T>(answer: T | Promise<T>, ms: number): T | Promise<T> {
    if (!(answer instanceof Promise)) return answer
    return new Promise((resolve, reject) => {
      const deadlines = this.#deadlinesOf(ms)
      const deadline = deadlines.add(() => reject(this.#tooLate(ms)))
      answer.then(resolve, reject).finally(() => deadlines.meet(deadline))
    })
  }

  #tooLate(ms: number): StoreError {
    return new StoreError(`${this.store.url ?? 'The store'} did not answer within ${ms} ms.`)
  }
}

const MEANWHILE = {
  allow: "Until it answers again, nobody is limited (onStoreError: 'allow').",
  deny: "Until it answers again, everybody is denied (onStoreError: 'deny').",
  local: "Until it answers again, each process limits by its own memory (onStoreError: 'local').",
} as const

/** The cheapest way to tell an answer from the promise of one. */
function isAnswer(answer: readonly Standing[] | Promise<readonly Standing[]>): answer is readonly Standing[] {
  return Array.isArray(answer)
}
