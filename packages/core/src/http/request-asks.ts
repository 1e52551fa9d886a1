import { type Ask, type EstimatedCost, newAsk, newEstimate } from '../decisions/ask.js'
import { ConfigError, KeyError, shown } from '../errors.js'
import { checkCost, emptyKey, type Keys } from '../limiter/costs.js'
import type { EnforcedPolicy } from '../observe/enforced-limit.js'
import { bindPolicies, type NamedPolicy } from '../policies/bind-policies.js'
import { isPolicy, type Policy } from '../policies/policy.js'
import { isThenable } from '../runtime/thenable.js'
import { clientKey } from './client-ip.js'
import type { GuardParts } from './guard-parts.js'
import { checkCostOption, checkFunctions, type LimitPolicyLike } from './limit-options.js'
import { CompiledPlans, isPlans } from './plans.js'
import { Remembered } from './remembered.js'

/** Policies returned by a function are kept by what it returned; beyond this many they are forgotten and bound again. */
const REMEMBERED = 1_000

type Given<T> = T | ((request: never) => T | PromiseLike<T>)

/** A policy of a limit, with the key and cost that are its own rather than the limit's. */
interface Line {
  readonly policy: Policy
  readonly key: ((request: never) => unknown) | undefined
  readonly cost: Given<unknown> | undefined
}

/** What a limit asks its store for each request: by which policies, for which keys, at what cost. */
export class RequestAsks<Req> {
  readonly #parts: GuardParts<Req>
  readonly #onBound: (policies: readonly Policy[]) => void
  readonly #lines: readonly Line[] | undefined
  readonly #plans: CompiledPlans<Req, readonly Line[]> | undefined
  readonly #remembered: Remembered<readonly Line[]> = new Remembered(REMEMBERED)

  /** @throws {ConfigError} on policies that cannot be right. */
  constructor(parts: GuardParts<Req>, onBound: (policies: readonly Policy[]) => void) {
    this.#parts = parts
    this.#onBound = onBound
    const { policies, name } = parts
    if (isPlans<Req>(policies)) {
      this.#plans = new CompiledPlans(policies, (plan, own) => this.#bind(own, plan), name)
    } else if (typeof policies !== 'function') this.#lines = this.#bind(policies, undefined)
  }

  /** The policies that stay: all of them, or those of each plan; none where a function returns them. */
  get policies(): readonly (readonly Policy[])[] {
    const lists = this.#plans?.all ?? (this.#lines === undefined ? [] : [this.#lines])
    return lists.map((lines) => lines.map(({ policy }) => policy))
  }

  /** The same with what requests take of them, and whose they are. */
  get enforced(): readonly (readonly EnforcedPolicy[])[] {
    const { options, measure } = this.#parts
    const lists = this.#plans?.all ?? (this.#lines === undefined ? [] : [this.#lines])
    return lists.map((lines) =>
      lines.map(({ policy, key = options.key, cost = options.cost }): EnforcedPolicy => {
        return { policy, key, cost: measure === undefined && typeof cost === 'number' ? cost : undefined }
      }),
    )
  }

  /** `undefined` for a request that is skipped. No promise is made where none of the user's functions made one. */
  of(request: Req): readonly Ask[] | undefined | Promise<readonly Ask[] | undefined> {
    const { skip } = this.#parts.options
    const skipped = skip === undefined ? false : skip(request)
    if (isThenable(skipped)) {
      return Promise.resolve(skipped).then((settled) => (settled ? undefined : this.#asks(request)))
    }
    return skipped ? undefined : this.#asks(request)
  }

  #asks(request: Req): readonly Ask[] | Promise<readonly Ask[]> {
    const lines = this.#linesOf(request)
    return isThenable(lines) ? lines.then((settled) => this.#fill(settled, request)) : this.#fill(lines, request)
  }

  #linesOf(request: Req): readonly Line[] | Promise<readonly Line[]> {
    if (this.#lines !== undefined) return this.#lines
    if (this.#plans !== undefined) return this.#plans.of(request)
    const { policies } = this.#parts
    const given = typeof policies === 'function' ? policies(request) : policies
    return isThenable(given) ? Promise.resolve(given).then((settled) => this.#recall(settled)) : this.#recall(given)
  }

  #fill(lines: readonly Line[], request: Req): readonly Ask[] | Promise<readonly Ask[]> {
    const only = lines.length === 1 ? lines[0] : undefined
    if (only !== undefined) {
      const key = this.#keyOf(only, request)
      let cost: unknown
      try {
        cost = this.#costOf(only, request)
      } catch (error) {
        abandon([key])
        throw error
      }
      if (!isThenable(key) && !isThenable(cost)) return [this.#ask(only, key, cost, request)]
      return Promise.all([key, cost]).then((settled) => [this.#ask(only, settled[0], settled[1], request)])
    }
    return this.#fillAll(lines, request)
  }

  /** The limit's own key and cost are asked for once, and only if a policy has none of its own. */
  #fillAll(lines: readonly Line[], request: Req): readonly Ask[] | Promise<readonly Ask[]> {
    const sharedKey = once((line: Line) => this.#keyOf(line, request))
    const sharedCost = once((line: Line) => this.#costOf(line, request))
    // A key, then a cost, of each line.
    const values: unknown[] = []
    try {
      for (const line of lines) {
        values.push(line.key === undefined ? sharedKey(line) : this.#keyOf(line, request))
        values.push(line.cost === undefined ? sharedCost(line) : this.#costOf(line, request))
      }
    } catch (error) {
      abandon(values)
      throw error
    }
    const asks = (settled: readonly unknown[]): readonly Ask[] =>
      lines.map((line, i) => this.#ask(line, settled[2 * i], settled[2 * i + 1], request))
    return values.some(isThenable) ? Promise.all(values).then(asks) : asks(values)
  }

  /** The policies whose keys are made of the client's address. */
  get addressPolicies(): ReadonlySet<string> {
    if (this.#parts.options.key !== undefined) return new Set()
    const lines = this.#plans?.all.flat() ?? this.#lines ?? []
    return new Set(lines.flatMap(({ policy, key }) => (key === undefined ? [policy.name] : [])))
  }

  /** One key, or one for each policy's name where they are not all the same. */
  keysOf(request: Req): Keys | Promise<Keys> {
    const lines = this.#linesOf(request)
    return isThenable(lines) ? lines.then((settled) => this.#keysOf(settled, request)) : this.#keysOf(lines, request)
  }

  #keysOf(lines: readonly Line[], request: Req): Keys | Promise<Keys> {
    const sharedKey = once((line: Line) => this.#keyOf(line, request))
    const values: unknown[] = []
    try {
      for (const line of lines) values.push(line.key === undefined ? sharedKey(line) : this.#keyOf(line, request))
    } catch (error) {
      abandon(values)
      throw error
    }
    const keys = (settled: readonly unknown[]): Keys => {
      const named = lines.map(({ policy: { name } }, i): [string, string] => {
        const key = settled[i]
        if (typeof key !== 'string' || key === '') throw notAKey(key, name)
        return [name, key]
      })
      const [first] = named
      return first !== undefined && named.every(([, key]) => key === first[1]) ? first[1] : Object.fromEntries(named)
    }
    return values.some(isThenable) ? Promise.all(values).then(keys) : keys(values)
  }

  /** For a look: at no cost, with `key` in place of what the limit's own function makes of the request. */
  looks(request: Req, key: string | undefined): readonly Ask[] | Promise<readonly Ask[]> {
    const lines = this.#linesOf(request)
    return isThenable(lines)
      ? lines.then((settled) => this.#looks(settled, request, key))
      : this.#looks(lines, request, key)
  }

  #looks(lines: readonly Line[], request: Req, key: string | undefined): readonly Ask[] | Promise<readonly Ask[]> {
    const free = lines.map(({ policy, key: own }): Line => {
      const isLimits = own === undefined && this.#parts.options.key !== undefined
      return { policy, key: key !== undefined && isLimits ? () => key : own, cost: 0 }
    })
    return this.#fill(free, request)
  }

  #keyOf(line: Line, request: Req): unknown {
    const key = line.key ?? this.#parts.options.key
    return key === undefined ? this.#address(request) : key(request as never)
  }

  #costOf(line: Line, request: Req): unknown {
    const cost = line.cost ?? this.#parts.options.cost
    return typeof cost === 'function' ? cost(request as never) : cost
  }

  #address(request: Req): string {
    this.#parts.checks.address(request)
    return clientKey(this.#parts.reader.ip(request), this.#parts.options.ipv6Prefix)
  }

  #ask({ policy, key: own }: Line, key: unknown, cost: unknown, request: Req): Ask {
    if (typeof key !== 'string' || key === '') throw notAKey(key, policy.name)
    if (own !== undefined || this.#parts.options.key !== undefined) this.#parts.checks.ownKey(request, key)
    const whose = ` of policy "${policy.name}"`
    if (!isEstimated(cost)) return newAsk(policy, key, checkCost(cost, whose))
    const { units, least } = cost
    return newEstimate(policy, key, { units: checkCost(units, whose), least: checkCost(least, whose) })
  }

  #recall(given: unknown): readonly Line[] {
    return this.#remembered.get(partsOf(given), () => this.#bind(given, undefined))
  }

  #bind(given: unknown, plan: string | undefined): readonly Line[] {
    const { name, options, names, measure } = this.#parts
    const list = Array.isArray(given) ? given : [given]
    const owns = list.map(ownParts)
    if (options.ban !== undefined && owns.some(({ key }) => key !== undefined)) {
      throw new ConfigError(
        'ban: all policies of a limit with bans have one key: give it to the limit, not to a policy.',
      )
    }
    const { shadow, warnAt, warnEvery, maxDebt } = options
    const naming = { name, shadow, warnAt, warnEvery, maxDebt, plan, soft: options.delay !== undefined }
    const policies = bindPolicies(
      owns.map((own) => own.policy),
      naming,
    )
    this.#onBound(policies)
    if (options.id !== undefined && measure !== undefined) {
      throw new ConfigError('id: a request that is repeated would make another call, which nobody counts.')
    }
    if (options.id !== undefined && policies.some(({ lease }) => lease !== undefined)) {
      throw new ConfigError(
        'id: a request that is repeated would hold no slot. Put concurrency() into a limit of its own, without an id.',
      )
    }
    if (typeof this.#parts.policies === 'function') names.check(policies)
    else for (const [i, policy] of policies.entries()) checkReachable(policy, owns[i]?.cost ?? options.cost)
    return policies.map((policy, i) => ({ policy, key: owns[i]?.key, cost: owns[i]?.cost }))
  }
}

function isEstimated(cost: unknown): cost is EstimatedCost {
  return typeof cost === 'object' && cost !== null && 'least' in cost
}

/** @throws {ConfigError} where every request costs more than ever passes at once. */
function checkReachable({ name, capacity, shadow, calendar }: Policy, cost: unknown): void {
  // Of a quota, more may be granted.
  if (typeof cost !== 'number' || cost <= capacity || shadow || calendar !== undefined) return
  throw new ConfigError(
    `cost: each request costs ${cost}, but at most ${capacity} pass at once under policy "${name}": it would deny all of ` +
      'them for ever.',
  )
}

function notAKey(key: unknown, policy: string): KeyError {
  const whose = ` of policy "${policy}"`
  return key === ''
    ? emptyKey(whose)
    : new KeyError(`The key${whose} must be a string, but its function returned ${shown(key)}.`)
}

/** What an answer of a policies function is known by: the same parts in the same order are the same policies. */
function partsOf(given: unknown): readonly unknown[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given]
  return list.flatMap((one) => {
    if (typeof one !== 'object' || one === null || isPolicy(one) || !('policy' in one)) return [one]
    return ['policy', ...Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)), 'end'].flat()
  })
}

/** Takes the key and cost off a policy in a list. */
function ownParts(
  given: LimitPolicyLike<never>,
): Omit<Line, 'policy'> & { readonly policy: string | Policy | NamedPolicy } {
  if (typeof given !== 'object' || given === null || isPolicy(given) || !('policy' in given)) {
    return { policy: given, key: undefined, cost: undefined }
  }
  const { key, cost, ...policy } = given
  checkFunctions({ key })
  if (cost !== undefined) checkCostOption(cost)
  return { policy, key, cost }
}

/** Calls a function the first time, and from then on has what it returned: a promise of it where that can be waited for. */
function once(read: (line: Line) => unknown): (line: Line) => unknown {
  let known: readonly [unknown] | undefined
  return (line) => {
    if (known === undefined) {
      const value = read(line)
      known = [isThenable(value) ? Promise.resolve(value) : value]
    }
    return known[0]
  }
}

/** A promise that nobody will wait for must not end the process when it rejects. */
function abandon(values: readonly unknown[]): void {
  for (const value of values) if (isThenable(value)) Promise.resolve(value).catch(() => undefined)
}

/** A value that was thrown, as an error: frameworks take what is falsy, or the name of a route, for no error at all. */
export function toError(thrown: unknown, limit: string): object {
  if (typeof thrown === 'object' && thrown !== null) return thrown
  return new Error(`A function of limit "${limit}" threw ${shown(thrown)} instead of an error.`, { cause: thrown })
}
