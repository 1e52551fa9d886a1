import { type Ask, haveSlots } from '../decisions/ask.js'
import type { ReportedStanding } from '../decisions/binding.js'
import type { Decision } from '../decisions/decision.js'
import type { Once } from '../decisions/edit.js'
import { KeyError } from '../errors.js'
import type { Keys } from '../limiter/costs.js'
import { Decider } from '../limiter/decider.js'
import { checkId } from '../limiter/grants.js'
import { checkOneKey } from '../limiter/limiter.js'
import { emitBan, emitWarning, hearsWarnings, isHeard, report, reportWarnings } from '../limiter/report.js'
import type { Outcome } from '../limiter/slots.js'
import type { EnforcedLimit } from '../observe/enforced-limit.js'
import type { Policy } from '../policies/policy.js'
import type { Unit } from '../policies/rate.js'
import { keyDigest } from '../runtime/key.js'
import { LONGEST_TIMER_MS } from '../runtime/longest-timer.js'
import { isThenable } from '../runtime/thenable.js'
import { askedForLess } from './asked-for-less.js'
import { countBody } from './body-bytes.js'
import { isGone, isSent, type ResponseLike, whenEnded, whenGone } from './connection.js'
import { noteDecision } from './creation.js'
import { type DelayTerms, delayOf } from './delay.js'
import { type Exchange, exchangeOf, type LimitResult } from './exchange.js'
import type { GuardParts } from './guard-parts.js'
import type { Passage } from './passage.js'
import { again, denial, denialAsError, go, OVER, PAST, refusal } from './passages.js'
import { problem } from './problem.js'
import { haveQueue, Queue } from './queue.js'
import { isRefusal } from './refusal.js'
import type { Reply } from './reply.js'
import { RequestAsks, toError } from './request-asks.js'
import { blockedDecision, ScreenedClients } from './screened-clients.js'
import { SettledWarnings } from './settled-warnings.js'

/** Turns requests into passages: one limit, in front of any framework. */
export class Guard<Req extends object> {
  readonly #parts: GuardParts<Req>
  readonly #asks: RequestAsks<Req>
  readonly decider: Decider
  /** Who is allowed or blocked whatever the policies say; `undefined` where nobody is. */
  readonly #clients: ScreenedClients<Req> | undefined
  #queue: Queue | undefined
  /** Whose decisions these are, for whoever listens to what becomes of them later. */
  readonly #requests = new WeakMap<Decision, Req>()

  /** @throws {ConfigError} on policies that cannot be right. */
  constructor(parts: GuardParts<Req>) {
    this.#parts = parts
    const { name, options, events, failover, ledger, observers } = parts
    const { shadow, warnAt, warnEvery, failure, ban, countDenied, maxDebt } = options
    this.#clients = ScreenedClients.of(options, parts.reader)
    const naming = { name, shadow, warnAt, warnEvery, maxDebt, soft: options.delay !== undefined }
    this.decider = new Decider(naming, failover, failure, ledger, observers, { ban, countDenied })
    this.#asks = new RequestAsks(parts, (policies) => this.decider.own(policies))
    this.decider.onCharged = (charged, decision) => {
      const request = this.#requests.get(decision)
      if (parts.measure === undefined) reportWarnings(name, charged, request as Req, events, observers)
    }
    if (parts.measure !== undefined) {
      const warnings = new SettledWarnings()
      this.decider.onSettled = (decision) => this.#warnOfUse(decision, warnings)
    }
    const { banning } = this.decider
    if (banning !== undefined) banning.onBanned = (banned) => emitBan(events, observers, { limit: name, ...banned })
    this.decider.onLost = (decision, { policy, key }) => {
      const request = this.#requests.get(decision)
      if (request !== undefined) events.emit('lost', { limit: name, decision, policy, key, request })
    }
  }

  /** The policies that stay: all of them, or those of each plan; none where a function returns them. */
  get policies(): readonly (readonly Policy[])[] {
    return this.#asks.policies
  }

  /** What it enforces, for whoever documents it. */
  get enforced(): EnforcedLimit {
    const { name, options, measure } = this.#parts
    const isUsual = options.response === undefined && options.deny === 'response' && measure?.response === undefined
    return { name, policies: this.#asks.enforced, dialects: options.dialects, isUsual }
  }

  /** How a request's buckets stand; takes nothing. `key` is that of the policies that have a key of their own. */
  look(request: Req, key: string | undefined): Decision | Promise<Decision> {
    const asks = this.#asks.looks(request, key)
    return isThenable(asks)
      ? asks.then((settled) => this.decider.decide('peek', settled))
      : this.decider.decide('peek', asks)
  }

  /** The policies whose keys are made of the client's address. */
  get addressPolicies(): ReadonlySet<string> {
    return this.#asks.addressPolicies
  }

  /** The key of a request: one string, or by the policies' names where they differ. */
  keyOf(request: Req): Keys | Promise<Keys> {
    return this.#asks.keysOf(request)
  }

  /**
   * Synchronous when the store and the options' functions answer at once, otherwise a promise. A limit decides once for a
   * request, however often it is mounted. What it decided is kept on the response, or on a `keeper` that lives as long.
   * @throws what a function of the options threw, as an object; also as a rejection.
   */
  admit(request: Req, response: ResponseLike, keeper: object = response): Passage | Promise<Passage> {
    noteDecision()
    const exchange = exchangeOf(keeper, response)
    const earlier = exchange.resultOf(this)
    if (earlier?.answer !== undefined) return again(earlier.answer, response, exchange)
    if (isSent(response) || this.#isExempt(request)) return PAST
    const result = exchange.begin(this, this.#parts.options.dialects)
    try {
      const passage = this.#pass(request, response, exchange, result)
      result.answer =
        'then' in passage ? passage.catch((error) => this.#fail(error, request, response, exchange)) : passage
    } catch (error) {
      result.answer = this.#fail(error, request, response, exchange)
    }
    return result.answer
  }

  #isExempt(request: Req): boolean {
    const { exempt, reader } = this.#parts
    if (exempt.isEmpty) return false
    const target = reader.target?.(request)
    return target !== undefined && exempt.cover(target.method, target.url)
  }

  #pass(request: Req, response: ResponseLike, exchange: Exchange, result: LimitResult): Passage | Promise<Passage> {
    if (this.#clients === undefined) return this.#ask(request, response, exchange, result)
    const isAllowed = this.#clients.isAllowed(request)
    const next = (yes: boolean): Passage | Promise<Passage> =>
      yes ? this.#skip(request, response, exchange) : this.#ask(request, response, exchange, result)
    return whenKnown(isAllowed, response, next)
  }

  #ask(request: Req, response: ResponseLike, exchange: Exchange, result: LimitResult): Passage | Promise<Passage> {
    const asks = this.#asks.of(request)
    if (!isThenable(asks)) return this.#screen(asks, request, response, exchange, result)
    return whenKnown(asks, response, (settled) => this.#screen(settled, request, response, exchange, result))
  }

  /** Lets a key pass that is allowed, and denies a client that is blocked, without asking the store. */
  #screen(
    asks: readonly Ask[] | undefined,
    request: Req,
    response: ResponseLike,
    exchange: Exchange,
    result: LimitResult,
  ): Passage | Promise<Passage> {
    if (this.#clients === undefined || asks === undefined)
      return this.#consume(asks, request, response, exchange, result)
    if (this.#clients.isAllowedKey(asks)) return this.#skip(request, response, exchange)
    const isBlocked = this.#clients.isBlocked(request, asks)
    const next = (yes: boolean): Passage | Promise<Passage> =>
      yes
        ? this.#decided(blockedDecision(asks), 0, request, response, exchange, result)
        : this.#consume(asks, request, response, exchange, result)
    return whenKnown(isBlocked, response, next)
  }

  #consume(
    asks: readonly Ask[] | undefined,
    request: Req,
    response: ResponseLike,
    exchange: Exchange,
    result: LimitResult,
  ): Passage | Promise<Passage> {
    if (asks === undefined) return this.#skip(request, response, exchange)
    const { observers } = this.#parts
    // What waits for its turn says nothing of how long a decision takes.
    const began = observers.isWatched && !haveQueue(asks) ? observers.began() : 0
    const decision = this.#decide(asks, request, response)
    return isThenable(decision)
      ? decision.then((settled) => this.#decided(settled, began, request, response, exchange, result))
      : this.#decided(decision, began, request, response, exchange, result)
  }

  #skip(request: Req, response: ResponseLike, exchange: Exchange): Passage {
    const { name, observers } = this.#parts
    observers.each((one) => one.skipped?.(name, request))
    return go(undefined, response, exchange)
  }

  /** `undefined`: the client left while it waited for a slot. */
  #decide(
    asks: readonly Ask[],
    request: Req,
    response: ResponseLike,
  ): Decision | Promise<Decision> | Promise<Decision | undefined> {
    const { options } = this.#parts
    if (options.id === undefined) return this.#decideBy(asks, undefined, response)
    const id = options.id(request)
    return isThenable(id)
      ? Promise.resolve(id).then((settled) => this.#decideBy(asks, this.#onceOf(asks, settled), response))
      : this.#decideBy(asks, this.#onceOf(asks, id), response)
  }

  #onceOf(asks: readonly Ask[], id: string | undefined): Once | undefined {
    // A header that is empty names nothing.
    if (id === undefined || id === '') return undefined
    checkOneKey(asks)
    return { scope: this.#parts.name, id: checkId(id), keepMs: this.#parts.options.keepIdsMs }
  }

  #decideBy(
    asks: readonly Ask[],
    once: Once | undefined,
    response: ResponseLike,
  ): Decision | Promise<Decision> | Promise<Decision | undefined> {
    if (this.#parts.measure !== undefined) return this.#decideEstimated(asks, response)
    if (!haveSlots(asks)) return this.decider.decide('consume', asks, once)
    this.#queue ??= new Queue(this.decider)
    const answer = this.#queue.decide(asks, response, (turn) => this.decider.attempt('consume', turn, once))
    // Who waits in a queue, and is served in the end, was not denied.
    if (!isThenable(answer)) return this.decider.told(answer)
    return answer.then((decision) => decision && this.decider.told(decision))
  }

  /** What is estimated at more than a limit can hold takes all that is left of it, if it surely needs no more than that. */
  #decideEstimated(
    asks: readonly Ask[],
    response: ResponseLike,
  ): Decision | Promise<Decision> | Promise<Decision | undefined> {
    const attempt = (turn: readonly Ask[]): Decision | Promise<Decision> =>
      this.decider.attempt('consume', turn, undefined)
    const next = (denied: Decision): Decision | Promise<Decision> => {
      const less = askedForLess(denied)
      if (less === undefined) return this.decider.told(denied)
      const second = attempt(less)
      const told = (settled: Decision): Decision | Promise<Decision> =>
        this.decider.told(settled.allowed ? settled : denied)
      return isThenable(second) ? second.then(told) : told(second)
    }
    this.#queue ??= new Queue(this.decider)
    const first = haveSlots(asks) ? this.#queue.decide(asks, response, attempt) : attempt(asks)
    return isThenable(first) ? first.then((decision) => decision && next(decision)) : next(first)
  }

  #decided(
    decision: Decision | undefined,
    began: number,
    request: Req,
    response: ResponseLike,
    exchange: Exchange,
    result: LimitResult,
  ): Passage | Promise<Passage> {
    const { name, events, observers, reader, options } = this.#parts
    if (decision === undefined) {
      observers.each((one) => one.canceled?.(name, request))
      return OVER
    }
    if (isHeard(events, observers)) {
      report(name, decision, request, began, events, observers, reader.route)
      if (this.decider.warns) reportWarnings(name, decision, request, events, observers)
    }
    const isHeld = decision.hold !== undefined
    const isMeasured = this.#parts.measure !== undefined && decision.taken
    if (isSent(response) || ((isHeld || isMeasured) && isGone(response))) {
      if (isMeasured || isHeld) this.#abandon(decision)
      return OVER
    }
    if (isHeld || events.heard.warning) this.#requests.set(decision, request)
    exchange.decision = decision
    result.standings = this.#reported(decision)
    this.#addFields(decision, request, result)
    if (!decision.allowed) return this.#deny(decision, request, response, exchange)
    if (options.delay !== undefined) return this.#slowDown(options.delay, decision, request, response, exchange)
    if (decision.delayMs > 0) return this.#hold(decision.delayMs, true, decision, request, response, exchange)
    return this.#goOn(decision, request, response, exchange)
  }

  /** Lets a request go on, and sees to what has to be done when its response has ended. */
  #goOn(decision: Decision, request: Req, response: ResponseLike, exchange: Exchange): Passage {
    this.#refundLater(decision, request, response, exchange)
    if (decision.hold !== undefined) {
      whenEnded(response, (delivered) => {
        this.#release(decision, delivered ? (response.statusCode < 500 ? 'done' : 'failed') : 'left')
      })
    }
    const { measure } = this.#parts
    if (measure !== undefined)
      for (const { policy } of decision.asks) if (isLate(policy.unit)) this.#willSettle(policy.unit)
    if (decision.asks.some(countsBytes)) this.#settleBytes(decision, response)
    const { reserved, settledUnits } = this.decider
    if (settledUnits.size > 0 && decision.taken) {
      reserved.add(decision, settledUnits)
      whenEnded(response, () => reserved.remove(decision))
    }
    try {
      measure?.admitted?.(request, response, decision)
    } catch (error) {
      this.#abandon(decision)
      throw error
    }
    return go(decision, response, exchange)
  }

  /** What was estimated counts for warnings when it has been settled. */
  #warnOfUse(decision: Decision, warnings: SettledWarnings): void {
    const { name, events, observers, failover, options } = this.#parts
    const request = this.#requests.get(decision) as Req
    const asks = decision.asks.filter(({ policy, estimate }) => estimate !== undefined && policy.warnAt.length > 0)
    if (asks.length === 0 || !hearsWarnings(events, observers)) return
    const looks = asks.map(({ policy, key }): Ask => ({ policy, key, cost: 0 }))
    failover.inBackground(async () => {
      const { standings } = await failover.decide('peek', looks, options.failure)
      for (const [i, standing] of standings.entries()) {
        const ask = looks[i]
        if (ask === undefined) continue
        const { policy, key } = ask
        const used = standing.used - this.decider.reserved.unitsOf(ask)
        for (const share of warnings.crossed(ask, standing, standing.used - used)) {
          emitWarning(events, observers, { limit: name, policy, key, share, used, request })
        }
      }
    })
  }

  /** Of a request that nobody will see to: what is measured costs nothing then, and of all others the slots come back. */
  #abandon(decision: Decision): void {
    if (this.#parts.measure === undefined) this.#release(decision)
    else this.#refund(decision)
  }

  /** From now on it is noted what decisions reserve in this unit. */
  #willSettle(unit: Unit): void {
    this.decider.reserved.isUsed = true
    this.decider.settledUnits.add(unit)
  }

  /** Fields of a measured limit, unless it reports nothing. */
  #addFields({ standings }: Decision, request: Req, result: LimitResult): void {
    const { measure, options } = this.#parts
    if (measure?.fields === undefined || options.dialects.length === 0) return
    const visible = standings.filter(({ policy }) => !policy.shadow)
    if (visible.length > 0) result.others = measure.fields(visible, request)
  }

  /** The true cost of a body is known when it has been sent, as far as it was. */
  #settleBytes(decision: Decision, response: ResponseLike): void {
    const sent = countBody(response)
    this.#willSettle('content-bytes')
    whenEnded(response, () => {
      this.#parts.failover.inBackground(() => this.decider.settle(decision, sent(), 'content-bytes'))
    })
  }

  #slowDown(
    delay: DelayTerms<Req>,
    decision: Decision,
    request: Req,
    response: ResponseLike,
    exchange: Exchange,
  ): Passage | Promise<Passage> {
    const next = (ms: number): Passage | Promise<Passage> =>
      ms > 0
        ? this.#hold(ms, false, decision, request, response, exchange)
        : this.#goOn(decision, request, response, exchange)
    const ms = this.#parts.options.shadow ? 0 : delayOf(delay, decision, request)
    return whenKnown(ms, response, next, () => this.#abandon(decision))
  }

  /** Gives slots back, whatever became of the request. */
  #release(decision: Decision, outcome: Outcome = 'left'): void {
    this.#parts.failover.inBackground(() => this.decider.release(decision, outcome))
  }

  #reported({ standings, asks }: Decision): readonly ReportedStanding[] {
    const hasKeys = this.#parts.options.dialects.includes('draft+pk')
    if (!hasKeys && this.#parts.measure === undefined) return standings
    return standings.map((standing, i) => {
      const { key = '', cost = 0, estimate } = asks[i] ?? {}
      const pending = standing.allowed && estimate !== undefined ? { pending: cost } : {}
      return { ...standing, debt: standing.debt, ...pending, ...(hasKeys ? { pk: keyDigest(key) } : {}) }
    })
  }

  #deny(decision: Decision, request: Req, response: ResponseLike, exchange: Exchange): Passage | Promise<Passage> {
    const { options, reader, measure } = this.#parts
    const usual = (): Reply =>
      measure?.response?.(decision, request) ?? problem(decision, reader.headers(request).accept)
    if (options.deny === 'error') return denialAsError(decision, exchange, usual())
    const reply = options.response?.(decision, request) ?? usual()
    if (!isThenable(reply)) return denial(reply, decision, exchange)
    return Promise.resolve(reply).then((settled) =>
      isSent(response) ? OVER : denial(settled ?? usual(), decision, exchange),
    )
  }

  /** Keeps the request for a while. Of a client that leaves, its place in a queue is given back, and its slots always. */
  #hold(
    ms: number,
    isPlace: boolean,
    decision: Decision,
    request: Req,
    response: ResponseLike,
    exchange: Exchange,
  ): Passage | Promise<Passage> {
    const leave = (): void => (isPlace ? this.#refund(decision) : this.#abandon(decision))
    if (isGone(response)) {
      leave()
      return OVER
    }
    return new Promise((resolve) => {
      const goOn = (): void => {
        stopWatching()
        if (isSent(response)) {
          this.#abandon(decision)
          resolve(OVER)
        } else {
          this.decider.slots.begin(decision)
          resolve(this.#goOn(decision, request, response, exchange))
        }
      }
      const timer = setTimeout(goOn, Math.min(ms, LONGEST_TIMER_MS))
      const stopWatching = whenGone(response, () => {
        stopWatching()
        clearTimeout(timer)
        leave()
        resolve(OVER)
      })
    })
  }

  /** A response that was not delivered has no status to go by, and gives nothing back. */
  #refundLater(decision: Decision, request: Req, response: ResponseLike, exchange: Exchange): void {
    const gives = this.#parts.options.refund
    if (gives === undefined) return
    exchange.whenDelivered(response, () => {
      const failed = (error: unknown): void => this.#parts.events.emit('error', { error, request })
      try {
        const answer = gives(response.statusCode)
        if (!isThenable(answer)) {
          if (answer) this.#refund(decision)
        } else {
          Promise.resolve(answer).then((yes) => {
            if (yes) this.#refund(decision)
          }, failed)
        }
      } catch (error) {
        failed(error)
      }
    })
  }

  #refund(decision: Decision): void {
    this.#parts.failover.inBackground(() => this.decider.refund(decision, undefined))
  }

  /** A client that has left has no address any more: that is nobody's error. */
  #fail(thrown: unknown, request: Req, response: ResponseLike, exchange: Exchange): Passage {
    if (thrown instanceof KeyError && isGone(response)) return OVER
    if (isRefusal(thrown)) return isSent(response) ? OVER : refusal(thrown, this.#parts.options.deny, exchange)
    const error = toError(thrown, this.#parts.name)
    this.#parts.events.emit('error', { error, request })
    throw error
  }
}

/** Goes on with what a user's function said, at once or later; not where the client has left or been answered by then. */
function whenKnown<T>(
  value: T | PromiseLike<T>,
  response: ResponseLike,
  next: (settled: T) => Passage | Promise<Passage>,
  leave: () => void = () => undefined,
): Passage | Promise<Passage> {
  if (!isThenable(value)) return next(value)
  return Promise.resolve(value).then((settled) => {
    if (!isGone(response) && !isSent(response)) return next(settled)
    leave()
    return OVER
  })
}

/** What is not known before the response has ended. */
function isLate(unit: Unit): boolean {
  return unit !== 'requests' && unit !== 'concurrent-requests'
}

function countsBytes({ policy }: Ask): boolean {
  return policy.unit === 'content-bytes'
}
