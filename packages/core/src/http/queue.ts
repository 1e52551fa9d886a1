import { type Ask, askedAnew, bucketKeyOf } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
import { isShutOut } from '../decisions/override.js'
import { Standing } from '../decisions/standing.js'
import type { Decider } from '../limiter/decider.js'
import { planFor, undo } from '../limiter/wait.js'
import { type Plan, type Waiting, waitingOf } from '../limiter/waiting.js'
import { ObservedWait } from '../observe/observed-wait.js'
import type { WaitResult } from '../observe/observer.js'
import type { QueueTerms } from '../policies/policy.js'
import { isThenable } from '../runtime/thenable.js'
import { isGone, type ResponseLike, whenGone } from './connection.js'
import { isUndecided } from './problem.js'

/** Asks the store once more. */
type AskStore = (asks: readonly Ask[]) => Decision | Promise<Decision>

/** Where requests wait for slots: in one line for each key of a policy that has a queue. */
export class Queue {
  readonly #decider: Decider
  readonly #waiting: Waiting

  constructor(decider: Decider) {
    this.#decider = decider
    this.#waiting = waitingOf(decider.failover)
  }

  /**
   * Decides, once a slot is free where only that is wanting. `undefined`: the client has left, and nothing is taken.
   * A denial is the last one, when the queue is full or the time is over.
   */
  decide(
    asks: readonly Ask[],
    response: ResponseLike,
    askStore: AskStore,
  ): Decision | Promise<Decision | undefined> | Promise<Decision> {
    const place = placeOf(asks)
    if (place === undefined) return askStore(asks)
    const size = this.#waiting.sizeOf(place.line)
    if (size >= place.terms.size) return this.#turnAway(asks, size)
    // Nobody passes those who wait.
    if (size > 0) return this.#wait(place, asks, response, askStore, undefined, false)
    const answer = askStore(asks)
    const next = (decision: Decision, isNow: boolean) => {
      if (decision.allowed || planOf(decision) === undefined) return decision
      // Others may have been denied at the same time.
      const ahead = this.#waiting.sizeOf(place.line)
      if (ahead >= place.terms.size) return this.#decider.slots.estimated(decision, ahead)
      return this.#wait(place, asks, response, askStore, decision, isNow)
    }
    // A slot may have been released while the answer was under way.
    return isThenable(answer) ? answer.then((decision) => next(decision, false)) : next(answer, true)
  }

  /** A denial although a slot may just have become free: that is for those who wait. */
  #turnAway(asks: readonly Ask[], ahead: number): Decision | Promise<Decision> {
    const answer = this.#decider.decide('peek', asks)
    const denied = (decision: Decision): Decision =>
      isShutOut(decision.override) ? decision : this.#decider.slots.estimated(withoutSlots(decision), ahead)
    return isThenable(answer) ? answer.then(denied) : denied(answer)
  }

  #wait(
    { line, terms }: Place,
    asks: readonly Ask[],
    response: ResponseLike,
    askStore: AskStore,
    denied: Decision | undefined,
    isNow: boolean,
  ): Promise<Decision | undefined> {
    if (isGone(response)) return Promise.resolve(undefined)
    return new Promise((resolve, reject) => {
      let denial = denied
      let leave: (() => void) | undefined
      let stopWatching: (() => void) | undefined
      let timer: ReturnType<typeof setTimeout> | undefined
      let isOver = false
      const wait = new ObservedWait(this.#decider, asks)
      const end = (result: WaitResult): void => {
        isOver = true
        wait.end(result)
        clearTimeout(timer)
        stopWatching?.()
      }
      const waiter = {
        asks,
        ask: () => askStore(askedAnew(asks)),
        plan(decision: Decision) {
          denial = decision
          return planOf(decision)
        },
        settle(decision: Decision) {
          end(decision.allowed ? 'allowed' : 'limited')
          resolve(decision)
        },
        fail(error: unknown) {
          end('canceled')
          reject(error)
        },
        undo: (decision: Decision) => undo(this.#decider, decision),
        close: () => giveUp(),
      }
      const giveUp = (): void => {
        end('limited')
        leave?.()
        const ahead = this.#waiting.sizeOf(line)
        if (denial !== undefined) resolve(this.#decider.slots.estimated(denial, ahead))
        else resolve(new Promise((turnedAway) => turnedAway(this.#turnAway(asks, ahead))))
      }
      leave = this.#waiting.join(line, waiter, isNow ? denied : undefined)
      if (isOver) return
      stopWatching = whenGone(response, () => {
        if (isOver) return
        end('canceled')
        leave?.()
        resolve(undefined)
      })
      timer = setTimeout(giveUp, terms.timeoutMs)
    })
  }
}

/** Whether any of these waits for its turn where there is no slot. */
export function haveQueue(asks: readonly Ask[]): boolean {
  return placeOf(asks) !== undefined
}

interface Place {
  readonly line: string
  readonly terms: QueueTerms
}

/** The line of the first policy that has a queue, and its key. */
function placeOf(asks: readonly Ask[]): Place | undefined {
  for (let i = 0; i < asks.length; i++) {
    const ask = asks[i]
    const terms = ask?.policy.lease?.queue
    if (ask !== undefined && terms !== undefined) return { line: `queue\0${bucketKeyOf(ask)}`, terms }
  }
  return undefined
}

/** Where nothing but slots is wanting, of policies that have a queue. */
function planOf(decision: Decision): Plan | undefined {
  // A client that is banned or blocked does not wait; a store that cannot be asked has no slot to wait for.
  if (isShutOut(decision.override) || isUndecided(decision)) return undefined
  const isQueued = decision.standings.every(
    ({ allowed, policy }) => allowed || policy.shadow || policy.lease?.queue !== undefined,
  )
  return isQueued ? planFor(decision) : undefined
}

function withoutSlots(decision: Decision): Decision {
  const denied = decision.standings.map((standing) => {
    const { policy, allowed } = standing
    if (!allowed || policy.lease?.queue === undefined) return standing
    return Standing.like(standing, { allowed: false, remaining: 0, moreAfterMs: null, retryAfterMs: 1_000 })
  })
  return decision.with(denied)
}
