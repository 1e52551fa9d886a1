import { CostError, KeyError, shown } from '../errors.js'
import { bindPolicies, type PolicyLike } from '../policies.js'
import type { Policy } from '../policy.js'
import { clientKey } from './client-ip.js'
import type { GuardParts } from './guard-parts.js'

/** Policies made by a function are kept by what it returned; beyond this many they are forgotten and made again. */
const REMEMBERED = 1_000

/** One request's answers. */
export interface Asked {
  readonly key: string
  readonly cost: number
  readonly policies: readonly Policy[]
}

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

  /** `undefined` for a request that is skipped. No promise is made where none of the functions made one. */
  ask(request: Req): Asked | undefined | Promise<Asked | undefined> {
    const { skip } = this.#parts.options
    const skipped = skip === undefined ? false : skip(request)
    if (isPromise(skipped)) return skipped.then((settled) => (settled ? undefined : this.#askAll(request)))
    return skipped ? undefined : this.#askAll(request)
  }

  #askAll(request: Req): Asked | Promise<Asked> {
    const { options, policies: given } = this.#parts
    const key = options.key === undefined ? this.#address(request) : options.key(request)
    const cost = typeof options.cost === 'number' ? options.cost : options.cost(request)
    const policies = this.#policies ?? (typeof given === 'function' ? given(request) : given)
    if (isPromise(key) || isPromise(cost) || isPromise(policies)) {
      return Promise.all([key, cost, policies]).then((settled) => this.#checked(...settled))
    }
    return this.#checked(key, cost, policies)
  }

  #address(request: Req): string {
    this.#parts.checkProxies(request)
    return clientKey(this.#parts.reader.ip(request))
  }

  #checked(key: string, cost: number, given: PolicyLike | readonly PolicyLike[]): Asked {
    const { name } = this.#parts
    if (typeof key !== 'string') {
      throw new KeyError(`The key function of limit "${name}" must return a string, got ${shown(key)}.`)
    }
    if (!Number.isSafeInteger(cost) || cost < 0) {
      throw new CostError(`The cost function of limit "${name}" must return a whole number ≥ 0, got ${shown(cost)}.`)
    }
    return { key, cost, policies: this.#policies ?? this.#recall(given) }
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

/** Whether a value is still to come. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
