import { CostError, KeyError, shown } from '../errors.js'
import { bindPolicies, type PolicyLike } from '../policies.js'
import type { Policy } from '../policy.js'
import { andThen } from './and-then.js'
import { clientKey } from './client-ip.js'
import type { GuardParts } from './guard.js'

/** Policies made by a function are kept by what it returned; beyond this many they are forgotten and made again. */
const REMEMBERED = 1_000

/** What a limit asks of each request: whose it is, what it costs, and by which policies. */
export class Question<Req> {
  readonly #parts: GuardParts<Req>
  readonly #policies: readonly Policy[] | undefined
  readonly #remembered = new Map<PolicyLike, readonly Policy[]>()

  /** @throws {ConfigError} on policies that cannot be right. */
  constructor(parts: GuardParts<Req>) {
    this.#parts = parts
    this.#policies = typeof parts.policies === 'function' ? undefined : this.#bind(parts.policies)
  }

  key(request: Req): string | Promise<string> {
    const { options, reader, checkProxies, name } = this.#parts
    if (options.key === undefined) {
      checkProxies(request)
      return clientKey(reader.ip(request))
    }
    return andThen(options.key(request), (key) => {
      if (typeof key === 'string') return key
      throw new KeyError(`The key function of limit "${name}" must return a string, got ${shown(key)}.`)
    })
  }

  cost(request: Req): number | Promise<number> {
    const { options, name } = this.#parts
    if (typeof options.cost === 'number') return options.cost
    return andThen(options.cost(request), (cost) => {
      if (Number.isSafeInteger(cost) && cost >= 0) return cost
      throw new CostError(`The cost function of limit "${name}" must return a whole number ≥ 0, got ${shown(cost)}.`)
    })
  }

  policies(request: Req): readonly Policy[] | Promise<readonly Policy[]> {
    if (this.#policies !== undefined) return this.#policies
    const { policies } = this.#parts
    return typeof policies === 'function'
      ? andThen(policies(request), (given) => this.#recall(given))
      : this.#bind(policies)
  }

  #recall(given: PolicyLike | readonly PolicyLike[]): readonly Policy[] {
    if (Array.isArray(given)) return this.#bind(given)
    const one = given as PolicyLike
    let policies = this.#remembered.get(one)
    if (policies === undefined) {
      policies = this.#bind(one)
      if (this.#remembered.size >= REMEMBERED) this.#remembered.clear()
      this.#remembered.set(one, policies)
    }
    return policies
  }

  #bind(given: PolicyLike | readonly PolicyLike[]): readonly Policy[] {
    const { name, options } = this.#parts
    return bindPolicies(given, { name, shadow: options.shadow, warnAt: options.warnAt })
  }
}
