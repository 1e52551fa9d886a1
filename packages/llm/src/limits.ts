import { ConfigError, type Policy, parseRate, type Unit } from '@sluice/core'
import { type LimitPolicy, type PlainPolicies, type Plans, type PolicyFunction, plans } from '@sluice/core/http'
import { isThenable } from '@sluice/core/runtime'
import { unitsOf } from './call.js'
import type { Counted } from './estimate/estimator.js'
import type { LlmCall } from './llm-call.js'
import type { LimitedCall, LlmLimits, LlmPolicy, LlmPolicyLike } from './options.js'

/** Texts that a function returns are remembered; beyond this many they are forgotten and read anew. */
const REMEMBERED = 1_000

/** Makes policies that ask the call for their cost. */
export class CallPolicies<Req extends object> {
  readonly #callOf: (request: Req) => LlmCall
  /** A limit that counts dollars needs prices. */
  readonly #hasPrices: boolean
  readonly #byObject = new WeakMap<object, LimitPolicy<Req>>()
  readonly #byText = new Map<string, LimitPolicy<Req>>()

  constructor(callOf: (request: Req) => LlmCall, hasPrices: boolean) {
    this.#callOf = callOf
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
    const counted = countedBy(policy.policy)
    if (counted.unit === 'micro-dollars' && !this.#hasPrices) {
      throw new ConfigError(
        "prices: a limit in dollars needs the models' prices, as in prices: { 'gpt-5': { input: 1.25, output: 10 } }.",
      )
    }
    return {
      ...policy,
      ...(key === undefined ? {} : { key: (request: Req) => key(request, this.#callOf(request)) }),
      cost: cost ?? ((request: Req) => this.#costOf(counted, this.#callOf(request))),
    }
  }

  /** Every policy has the call counted, so that what can never be answered is refused whatever it counts. */
  #costOf(by: CountedBy, call: LlmCall): number | Promise<number> {
    const counted = call.counted()
    return isThenable(counted) ? Promise.resolve(counted).then((settled) => costBy(by, settled)) : costBy(by, counted)
  }
}

type Given<Req> = LlmPolicyLike<Req> | readonly LlmPolicyLike<Req>[]

/** In which unit a policy counts, and the most that passes at once. */
interface CountedBy {
  readonly unit: Unit
  readonly capacity: number
}

/** @throws {ConfigError} on a text that is no limit. What is no policy at all is told where it is bound. */
function countedBy(policy: string | Policy): CountedBy {
  if (typeof policy !== 'string') return { unit: policy?.unit ?? 'requests', capacity: policy?.capacity ?? 1 }
  const { unit, quota } = parseRate(policy)
  return { unit, capacity: quota }
}

/**
 * What is reserved: the estimate, but no more than the limit can hold, since it may be too high. Where a call surely needs more than
 * that, all of it, so that it is denied for good.
 */
function costBy({ unit, capacity }: CountedBy, { estimate, least }: Counted): number {
  const units = unitsOf(unit, estimate)
  if (units === undefined) return unit === 'content-bytes' ? 0 : 1
  return (unitsOf(unit, least) ?? 0) > capacity ? units : Math.min(units, capacity)
}

function isPlans<Req>(limits: LlmLimits<Req>): limits is Plans<Req> {
  return typeof limits === 'object' && limits !== null && 'kind' in limits && limits.kind === 'sluice.plans'
}
