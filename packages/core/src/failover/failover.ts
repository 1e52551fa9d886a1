import { type Ask, type GivenBack, haveSlots, type Return } from '../decisions/ask.js'
import { admits, Decision } from '../decisions/decision.js'
import type { Edit, Once, OnceAnswer } from '../decisions/edit.js'
import type { Renewal } from '../decisions/lease.js'
import type { Standing } from '../decisions/standing.js'
import { describe, isError, isStoreError, StoreError, shown } from '../errors.js'
import { type StoreMessage, type StoreNews, storeChannel } from '../observe/channels.js'
import { Observed } from '../observe/observed.js'
import type { StoreFault, StoreObserver, StoreOperation } from '../observe/observer.js'
import { fixedWindow } from '../policies/constructors.js'
import { bindPolicy, type Policy } from '../policies/policy.js'
import { warn } from '../runtime/builtin.js'
import { Emitter } from '../runtime/emitter.js'
import { onePer } from '../runtime/one-per.js'
import { isThenable } from '../runtime/thenable.js'
import type { Store } from '../stores/store.js'
import { Circuit } from './circuit.js'
import { Complaints } from './complaints.js'
import { Deadlines } from './deadlines.js'
import type { Failure } from './failure.js'
import { Fallback } from './fallback.js'

/** The events of a store's health. */
export interface StoreEvents {
  /** The store, or the named part of it, does not decide any more: `onStoreError` does, until `recovered`. */
  degraded: { readonly error: StoreError; readonly part: string }
  /** The store decides again, after so many milliseconds. */
  recovered: { readonly part: string; readonly afterMs: number }
  /** One bucket could not be used, or something could not be given back; emitted once a minute for each. */
  error: { readonly error: unknown }
}

/** Taken to see whether a part of the store decides, and writes, again. */
const PROBE = bindPolicy(fixedWindow('1000000/s'), {
  name: 'sluice-probe',
  bucket: 'sluice-probe',
  plan: undefined,
  shadow: false,
  warnAt: [],
  warnEvery: 0,
})

/** Everyone who uses a store shares what is known of its health. */
export const failoverOf: (store: Store) => Failover = onePer((store) => new Failover(store))

/** Forgetting every key of a policy takes a store as long as it has keys. */
const CLEAR_MS = 30_000

/** No request waits for leases to be renewed, and there may be many of them. */
const RENEW_MS = 1_000

/** A store that never fails a request: what it cannot decide in time is decided without it. */
export class Failover {
  readonly store: Store
  /** Whoever observes how the store answers. */
  readonly observers: Observed<StoreObserver> = new Observed((error) => this.report(error))
  readonly #events = new Emitter<StoreEvents>(['degraded', 'recovered', 'error'], (error, name) => {
    if (name !== 'error') this.report(error)
    else if (this.#complaints.isNew(error)) warn('SLUICE_LISTENER', `A listener for 'error' failed: ${describe(error)}`)
  })
  /** By part; empty while the store decides. */
  readonly #broken = new Map<string, Circuit>()
  readonly #deadlines = new Map<number, Deadlines>()
  readonly #complaints = new Complaints()
  readonly #fallback = new Fallback()
  readonly #onClose: (() => void)[] = []
  readonly #onRecovered: (() => void)[] = []
  #closed = false

  constructor(store: Store) {
    this.store = store
  }

  /** Whether a part of the store, or all of it, does not decide at the moment. */
  get isDown(): boolean {
    return this.#broken.size > 0
  }

  on<Name extends keyof StoreEvents>(name: Name, listener: (event: StoreEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Synchronous where the store answers at once, or is known not to answer at all. */
  decide(verb: 'consume' | 'peek', asks: readonly Ask[], failure: Failure): Decision | Promise<Decision> {
    if (this.#broken.size > 0 && this.#hasBroken(asks)) return this.#fallback.decide(verb, asks, failure)
    let answer: readonly Standing[] | Promise<readonly Standing[]>
    try {
      answer = verb === 'consume' ? this.store.consume(asks) : this.store.peek(asks)
      if (isAnswer(answer, asks)) return new Decision(asks, answer, verb)
      if (isThenable(answer)) return this.#later(this.#timed(verb, answer), verb, asks, failure)
    } catch (error) {
      return this.#without(verb, asks, error, failure)
    }
    return this.#without(verb, asks, this.#noAnswer(), failure)
  }

  /** `decide` of a take that an id counts once. */
  decideOnce(asks: readonly Ask[], once: Once, failure: Failure): Decision | Promise<Decision> {
    if (this.#broken.size > 0 && this.#hasBroken(asks)) return this.#fallback.decideOnce(asks, once, failure)
    const decided = ({ standings, repeated }: OnceAnswer<Standing>): Decision => {
      if (!isAnswer(standings, asks)) throw this.#noAnswer()
      return new Decision(asks, standings, 'consume', false, repeated)
    }
    const without = (error: unknown): Decision => {
      if (isConfigError(error)) throw error
      this.#note(asks, error, failure)
      return this.#fallback.decideOnce(asks, once, failure)
    }
    try {
      const answer = this.inTime(this.store.consumeOnce(asks, once), failure.timeoutMs, 'consume')
      return isThenable(answer) ? answer.then(decided).catch(without) : decided(answer)
    } catch (error) {
      return without(error)
    }
  }

  /**
   * Changes a quota's bucket, or asks for its past. Not decided without the store.
   * @throws {StoreError} where it does not answer in time; also as a rejection.
   */
  edit(change: Edit, failure: Failure): readonly number[] | Promise<readonly number[]> {
    return this.inTime(this.store.edit(change), failure.timeoutMs, 'edit')
  }

  /** Apart from `decide`, since what the closures here hold would be set up for every decision there. */
  #later(
    answer: PromiseLike<readonly Standing[]>,
    verb: 'consume' | 'peek',
    asks: readonly Ask[],
    failure: Failure,
  ): Promise<Decision> {
    return new Promise((resolve, reject) => {
      const deadlines = this.#deadlinesOf(failure.timeoutMs)
      /** A calendar of somebody's own may throw here too: then the request fails, and not the process. */
      const without = (error: unknown): void => {
        try {
          resolve(this.#without(verb, asks, error, failure))
        } catch (thrown) {
          reject(thrown)
        }
      }
      const deadline = deadlines.add(() => without(this.#tooLate(verb, failure.timeoutMs)))
      Promise.resolve(answer).then(
        (standings) => {
          if (deadline.met) return this.#releaseLate(asks, standings)
          deadlines.meet(deadline)
          const decided = isAnswer(standings, asks)
          if (decided) resolve(new Decision(asks, standings, verb))
          else without(this.#noAnswer())
        },
        (error) => {
          if (deadline.met) return
          deadlines.meet(deadline)
          without(error)
        },
      )
    })
  }

  /** Slots that were taken after all, for nobody. */
  #releaseLate(asks: readonly Ask[], standings: readonly Standing[]): void {
    if (!haveSlots(asks) || !isAnswer(standings, asks) || !admits(standings)) return
    const taken = asks.filter(({ lease, cost }, i) => lease !== undefined && cost > 0 && standings[i]?.allowed)
    try {
      // What cannot be given back expires by itself.
      Promise.resolve(this.store.refund(taken.map((ask) => ({ ...ask, at: 0 })))).catch(() => undefined)
    } catch {
      // The same.
    }
  }

  /** Notes what is wrong with the store, and decides as `onStoreError` says. */
  #without(verb: 'consume' | 'peek', asks: readonly Ask[], error: unknown, failure: Failure): Decision {
    if (isConfigError(error)) throw error
    this.#note(asks, error, failure)
    return this.#fallback.decide(verb, asks, failure)
  }

  #note(asks: readonly Ask[], error: unknown, failure: Failure): void {
    const known = storeError(error)
    if (known.bucket !== undefined) this.report(known)
    else for (const key of this.#onePerPart(asks)) this.#break(key, known, failure)
  }

  /**
   * Gives back to whoever decided, without a deadline: see `inTime`.
   * @throws {StoreError} where the store cannot be asked; also as a rejection.
   */
  refund(
    returns: readonly Return[],
    decision: Decision,
    failure: Failure,
    once: Once | undefined,
  ): GivenBack | Promise<GivenBack> {
    if (decision.degraded) return this.#fallback.refund(returns, failure, once)
    const answer = this.store.refund(returns, once)
    return isThenable(answer) ? this.#timed('refund', answer) : answer
  }

  /**
   * Lets leases be held for longer, where they were taken. Rejects with a `StoreError` when the store does not do so in time.
   */
  renew(
    renewals: readonly Renewal[],
    degraded: boolean,
    failure: Failure,
  ): readonly boolean[] | Promise<readonly boolean[]> {
    if (degraded) return this.#fallback.renew(renewals, failure)
    return this.inTime(this.store.renew(renewals), Math.max(failure.timeoutMs, RENEW_MS), 'renew')
  }

  /** Forgets keys, also in what decides during an outage. Rejects with a `StoreError` when the store does not do so in time. */
  reset(policies: readonly Policy[], key: string, failure: Failure, scope?: string): void | Promise<void> {
    this.#fallback.reset(policies, [key], scope)
    return this.inTime(this.store.reset(policies, [key], scope), failure.timeoutMs, 'reset')
  }

  /** Forgets every key of these policies. Rejects with a `StoreError` when the store does not do so in time. */
  clear(policies: readonly Policy[]): void | Promise<void> {
    this.#fallback.clear(policies)
    return this.inTime(this.store.clear(policies), CLEAR_MS, 'clear')
  }

  /** Something went wrong with one bucket, with a listener, or with something that no request waits for. */
  report(error: unknown): void {
    if (!this.#complaints.isNew(error)) return
    if (this.#events.heard.error) this.#events.emit('error', { error })
    else warn('SLUICE_STORE', isError(error) ? error.message : shown(error))
  }

  /** Does what no request waits for, and reports what goes wrong in it. A promise, where it gives one, never rejects. */
  inBackground(work: () => unknown): Promise<void> | undefined {
    try {
      const answer = work()
      if (!isThenable(answer)) return undefined
      return Promise.resolve(answer).then(nothing, (error) => this.report(error))
    } catch (error) {
      this.report(error)
      return undefined
    }
  }

  /** Calls back when the store, or a part of it, decides again. */
  onRecovered(callback: () => void): void {
    this.#onRecovered.push(callback)
  }

  /** Calls back before the store is closed. */
  onClose(callback: () => void): void {
    this.#onClose.push(callback)
  }

  close(): void | Promise<void> {
    this.#closed = true
    for (const callback of this.#onClose) callback()
    for (const circuit of this.#broken.values()) circuit.close()
    this.#broken.clear()
    for (const deadlines of this.#deadlines.values()) deadlines.close()
    this.#fallback.close()
    return this.store.close()
  }

  #partOf(key: string): string {
    return this.store.partOf?.(key) ?? ''
  }

  #hasBroken(asks: readonly Ask[]): boolean {
    return asks.some(({ key }, i) => key !== asks[i - 1]?.key && this.#broken.has(this.#partOf(key)))
  }

  /** A key in each part of the store that these asks concern: which of several failed, a deadline does not say. */
  #onePerPart(asks: readonly Ask[]): Iterable<string> {
    return new Map(asks.map(({ key }) => [this.#partOf(key), key])).values()
  }

  #deadlinesOf(ms: number): Deadlines {
    let deadlines = this.#deadlines.get(ms)
    if (deadlines === undefined) {
      deadlines = new Deadlines(ms)
      this.#deadlines.set(ms, deadlines)
    }
    return deadlines
  }

  #break(key: string, error: StoreError, failure: Failure): void {
    const part = this.#partOf(key)
    if (this.#closed || this.#broken.has(part)) return
    const circuit = new Circuit(
      () => this.#probe(key, failure.timeoutMs),
      () => {
        this.#broken.delete(part)
        for (const callback of this.#onRecovered) callback()
        const event = { part, afterMs: Math.round(performance.now() - circuit.brokenAt) }
        this.observers.each((one) => one.recovered?.(part, event.afterMs))
        this.#publish({ event: 'recovered', ...event })
        if (this.#events.heard.recovered) this.#events.emit('recovered', event)
        else warn('SLUICE_RECOVERED', `${this.store.url ?? 'The store'} decides again, after ${event.afterMs} ms.`)
      },
    )
    this.#broken.set(part, circuit)
    this.observers.each((one) => one.degraded?.(error, part))
    this.#publish({ event: 'degraded', error, part })
    if (this.#events.heard.degraded) this.#events.emit('degraded', { error, part })
    else warn('SLUICE_DEGRADED', `${error.message.replace(/\.?$/, '.')} ${MEANWHILE[failure.onStoreError]}`)
  }

  async #probe(key: string, timeoutMs: number): Promise<unknown> {
    return this.inTime(this.store.consume([{ policy: PROBE, key, cost: 1 }]), timeoutMs)
  }

  /** The answer, or a rejection with a `StoreError` when it has not come by then. Observers learn of it where it has a name. */
  inTime<T>(answer: T | Promise<T>, ms: number, operation?: StoreOperation): T | Promise<T> {
    if (!isThenable(answer)) return answer
    return new Promise((resolve, reject) => {
      const deadlines = this.#deadlinesOf(ms)
      const deadline = deadlines.add(() => reject(this.#tooLate(operation, ms)))
      Promise.resolve(operation === undefined ? answer : this.#timed(operation, answer)).then(
        (value) => {
          deadlines.meet(deadline)
          resolve(value)
        },
        (error) => {
          deadlines.meet(deadline)
          reject(error)
        },
      )
    })
  }

  #noAnswer(): StoreError {
    return new StoreError(`${this.store.url ?? 'The store'} did not answer with one standing per ask.`)
  }

  /** The same answer; whoever observes the store learns how long it took. */
  #timed<T>(operation: StoreOperation, answer: PromiseLike<T>): Promise<T> {
    const asked = Promise.resolve(answer)
    if (!this.observers.isWatched && storeChannel?.hasSubscribers !== true) return asked
    const began = performance.now()
    asked.then(
      () => this.#answered(operation, performance.now() - began),
      (error) => this.#failed(operation, isStoreError(error) && error.bucket !== undefined ? 'bucket' : 'connection'),
    )
    return asked
  }

  #answered(operation: StoreOperation, tookMs: number): void {
    this.observers.each((one) => one.answered?.(operation, tookMs))
    this.#publish({ event: 'answered', operation, tookMs })
  }

  #failed(operation: StoreOperation, fault: StoreFault): void {
    this.observers.each((one) => one.failed?.(operation, fault))
    this.#publish({ event: 'failed', operation, fault })
  }

  #publish(message: StoreNews): void {
    if (storeChannel?.hasSubscribers !== true) return
    storeChannel.publish({ store: this.store.url ?? 'memory', ...message } satisfies StoreMessage)
  }

  #tooLate(operation: StoreOperation | undefined, ms: number): StoreError {
    if (operation !== undefined) this.#failed(operation, 'timeout')
    return new StoreError(`${this.store.url ?? 'The store'} did not answer within ${ms} ms.`)
  }
}

const MEANWHILE = {
  allow: "Until it answers again, requests are not limited (onStoreError: 'allow').",
  deny: "Until it answers again, all requests are denied (onStoreError: 'deny').",
  local: "Until it answers again, each process limits by its own memory (onStoreError: 'local').",
} as const

function isAnswer(answer: unknown, asks: readonly Ask[]): answer is readonly Standing[] {
  if (!Array.isArray(answer) || answer.length !== asks.length) return false
  for (let i = 0; i < answer.length; i++) if (typeof answer[i]?.allowed !== 'boolean') return false
  return true
}

/** The store is well; a policy is not. */
function isConfigError(error: unknown): boolean {
  return isError(error) && 'code' in error && error.code === 'SLUICE_CONFIG'
}

function storeError(error: unknown): StoreError {
  return isStoreError(error) ? error : new StoreError(`The store failed: ${describe(error)}`, { cause: error })
}

const nothing = (): void => undefined
