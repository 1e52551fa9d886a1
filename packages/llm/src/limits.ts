import { ConfigError, type Policy, parseRate, type Unit } from '@sluice/core'
import {
  type EstimatedCost,
  type LimitPolicy,
  type PlainPolicies,
  type Plans,
  type PolicyFunction,
  plans,
} from '@sluice/core/http'
import { isThenable, shown } from '@sluice/core/runtime'
import { unitsOf } from './call.js'
import { type Counted, NO_MODEL } from './estimate/estimator.js'
import type { LlmCall } from './llm-call.js'
import type { LimitedCall, LlmLimits, LlmPolicy, LlmPolicyLike } from './options.js'
import type { Problem } from './providers/provider.js'

/** Texts that a function returns are remembered; beyond this many they are forgotten and read anew. */
const REMEMBERED = 1_000

/** Makes policies that ask the call for their cost. */
export class CallPolicies<Req extends object> {
  readonly #callOf: (request: Req) => LlmCall
  readonly #refuse: (problem: Problem) => Error
  /** A limit that counts dollars needs prices. */
  readonly #hasPrices: boolean
  readonly #byObject = new WeakMap<object, LimitPolicy<Req>>()
  readonly #byText = new Map<string, LimitPolicy<Req>>()

  constructor(callOf: (request: Req) => LlmCall, hasPrices: boolean, refuse: (problem: Problem) => Error) {
    this.#callOf = callOf
    this.#refuse = refuse
    this.#hasPrices = hasPrices
  }

  /** @throws {ConfigError} on what is no policy. */
  of(limits: LlmLimits<Req>): PlainPolicies<Req> {
    if (isPlans(limits)) {
      const byPlan = Object.entries(limits.policies).map(([plan, own]) => [plan, this.#all(own as Given<Req>)])
      return plans<Req>(Object.fromEntries(byPlan), (request) => limits.planOf(request))
    }
    if (typeof limits === 'function') return this.#ofFunction(limits)
    return this.#all(limits as Given<Req>)
  }

  #ofFunction(limits: (request: Req, call: LimitedCall) => Given<Req> | Promise<Given<Req>>): PolicyFunction<Req> {
    return (request) => {
      const given: unknown = limits(request, this.#callOf(request))
      return isThenable(given)
        ? Promise.resolve(given).then((settled) => this.#all(settled as Given<Req>))
        : this.#all(given as Given<Req>)
    }
  }

  #all(given: Given<Req>): readonly LimitPolicy<Req>[] {
    const list: readonly LlmPolicyLike<Req>[] = Array.isArray(given) ? given : [given as LlmPolicyLike<Req>]
    const isPolicies = list.every((one) => typeof one === 'string' || (typeof one === 'object' && one !== null))
    if (list.length === 0 || !isPolicies) {
      throw new ConfigError(
        `limits: expected policies, as in limits: ['60/min', '100k tokens/min'], got ${shown(given)}.`,
      )
    }
    return list.map((one) => this.#one(one))
  }

  /** The same policy again for the same text or object, so that a limit knows it again. */
  #one(given: LlmPolicyLike<Req>): LimitPolicy<Req> {
    if (typeof given !== 'object' || given === null) {
      const known = this.#byText.get(given)
      if (known !== undefined) return known
      if (this.#byText.size >= REMEMBERED) this.#byText.clear()
      const made = this.#make({ policy: given })
      this.#byText.set(given, made)
      return made
    }
    const known = this.#byObject.get(given)
    if (known !== undefined) return known
    const made = this.#make('policy' in given ? given : { policy: given })
    this.#byObject.set(given, made)
    return made
  }

  #make(given: LlmPolicy<Req>): LimitPolicy<Req> {
    const { key, cost, ...policy } = given
    const unit = unitOf(policy.policy)
    if (key !== undefined && typeof key !== 'function') {
      throw new ConfigError(`key: expected a function of the request and its call, got ${shown(key)}.`)
    }
    if (unit === 'micro-dollars' && !this.#hasPrices) {
      throw new ConfigError(
        "prices: a limit in dollars needs the models' prices, as in prices: { 'gpt-5': { input: 1.25, output: 10 } }.",
      )
    }
    return {
      ...policy,
      ...(key === undefined ? {} : { key: (request: Req) => this.#keyOf(key, request) }),
      cost: cost ?? ((request: Req) => this.#costOf(unit, this.#callOf(request))),
    }
  }

  /** Every policy has the call counted, so that what can never be answered is refused whatever it counts. */
  #costOf(unit: Unit, call: LlmCall): ReturnType<typeof costBy> | Promise<ReturnType<typeof costBy>> {
    const counted = call.counted()
    return isThenable(counted) ? counted.then((settled) => costBy(unit, settled)) : costBy(unit, counted)
  }

  /** Of a request that names no model, a key that is made of it is empty: that is its client's mistake. */
  #keyOf(key: NonNullable<LlmPolicy<Req>['key']>, request: Req): string | Promise<string> {
    const call = this.#callOf(request)
    const made = key(request, call)
    if (made === '' && call.model === '') throw this.#refuse(NO_MODEL)
    return made
  }
}

type Given<Req> = LlmPolicyLike<Req> | readonly LlmPolicyLike<Req>[]

/** @throws {ConfigError} on a text that is no limit. What is no policy at all is told where it is bound. */
function unitOf(policy: string | Policy): Unit {
  return typeof policy === 'string' ? parseRate(policy).unit : (policy?.unit ?? 'requests')
}

function costBy(unit: Unit, { estimate, least }: Counted): number | EstimatedCost {
  const units = unitsOf(unit, estimate)
  if (units === undefined) return unit === 'content-bytes' ? 0 : 1
  return { units, least: unitsOf(unit, least) ?? 0 }
}

function isPlans<Req>(limits: LlmLimits<Req>): limits is Plans<Req> {
  return typeof limits === 'object' && limits !== null && 'kind' in limits && limits.kind === 'sluice.plans'
}
