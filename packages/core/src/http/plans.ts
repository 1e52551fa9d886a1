import { ConfigError, PlanError, shown } from '../errors.js'
import { toNamed } from '../policies/bind-policies.js'
import { asSliding, type Policy } from '../policies/policy.js'
import { isThenable } from '../runtime/thenable.js'
import type { LimitPolicyLike } from './limit-options.js'

/** The policies of each plan, by its name. */
export type PlanPolicies<Req> = Readonly<Record<string, LimitPolicyLike<Req> | readonly LimitPolicyLike<Req>[]>>

type PlanOf<Req> = (request: Req) => string | Promise<string>

/** Also those of another copy of this module. */
export function isPlans<Req>(value: unknown): value is Plans<Req> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'sluice.plans'
}

/** Plans, and what tells a request's; made by `plans`, for `limit`. */
export class Plans<Req> {
  readonly policies: PlanPolicies<Req>
  readonly planOf: PlanOf<Req>
  readonly kind: 'sluice.plans' = 'sluice.plans'

  constructor(policies: PlanPolicies<Req>, planOf: PlanOf<Req>) {
    this.policies = policies
    this.planOf = planOf
  }
}

/**
 * Policies by plan, in place of a limit's: checked at start-up, chosen by each request. A client that changes plans keeps what it
 * has used, wherever two plans have a policy over the same window or period.
 * @example
 * limit(plans({ free: ['10/min', quota('1k/month')], pro: ['100/min', quota('100k/month')] }, (req) => req.user.plan))
 * @throws {ConfigError} on what is no plan. A request whose plan is none of these fails with a `PlanError`.
 */
export function plans<Req>(policies: PlanPolicies<Req>, planOf: PlanOf<Req>): Plans<Req> {
  if (typeof policies !== 'object' || policies === null || Array.isArray(policies)) {
    throw new ConfigError(`plans() takes the policies of each plan, as in { free: '10/min' }, got ${shown(policies)}.`)
  }
  if (Object.keys(policies).length === 0) throw new ConfigError('plans(): expected at least one plan, got none.')
  if (typeof planOf !== 'function') {
    throw new ConfigError(
      `plans() takes a function that tells a request's plan, as in (req) => req.user.plan, got ${shown(planOf)}.`,
    )
  }
  return new Plans(policies, planOf)
}

/** What was compiled of each plan. */
export class CompiledPlans<Req, Compiled> {
  readonly #byName: ReadonlyMap<string, Compiled>
  readonly #planOf: PlanOf<Req>

  constructor({ policies, planOf }: Plans<Req>, compile: (plan: string, policies: unknown) => Compiled, name: string) {
    const counted = slidingIn(Object.values(policies), name)
    this.#byName = new Map(
      Object.entries(policies).map(([plan, own]) => [
        plan,
        at(plan, () => compile(plan, countedAlike(own, counted, name))),
      ]),
    )
    this.#planOf = planOf
  }

  get all(): readonly Compiled[] {
    return [...this.#byName.values()]
  }

  /** @throws {PlanError} where there is no such plan; also as a rejection. */
  of(request: Req): Compiled | Promise<Compiled> {
    const plan: unknown = this.#planOf(request)
    return isThenable(plan) ? Promise.resolve(plan).then((name) => this.#named(name)) : this.#named(plan)
  }

  #named(plan: unknown): Compiled {
    const compiled = typeof plan === 'string' ? this.#byName.get(plan) : undefined
    if (compiled !== undefined) return compiled
    throw new PlanError(
      `There is no plan ${shown(plan)}. The plans are: ${[...this.#byName.keys()].map((name) => `"${name}"`).join(', ')}.`,
    )
  }
}

/** Errors of a plan's policies say whose they are. */
function at<T>(plan: string, what: () => T): T {
  try {
    return what()
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`plan "${plan}": ${error.message}`)
    throw error
  }
}

type Given = LimitPolicyLike<never> | readonly LimitPolicyLike<never>[]

/** The windows that a plan counts as sliding ones. */
function slidingIn(plans: readonly Given[], limit: string): ReadonlySet<string> {
  const policies = plans.flatMap((own) => toList(own).map((one) => windowOf(one, limit)))
  return new Set(policies.flatMap(({ policy, window }) => (policy?.algorithm === 'sliding-window' ? [window] : [])))
}

/**
 * A text of up to ten units is counted exactly, in another bucket than a larger one. Where plans have both, all are counted
 * as the larger one is, so that usage outlives a change of plan.
 */
function countedAlike(own: Given, sliding: ReadonlySet<string>, limit: string): unknown {
  const list = toList(own).map((one) => {
    const { policy, window } = windowOf(one, limit)
    if (policy?.algorithm !== 'exact-window' || !sliding.has(window)) return one
    const other = asSliding(policy)
    return typeof one === 'object' && 'policy' in one ? { ...one, policy: other } : other
  })
  return Array.isArray(own) ? list : list[0]
}

function toList(own: Given): readonly LimitPolicyLike<never>[] {
  return Array.isArray(own) ? own : [own as LimitPolicyLike<never>]
}

/** What is no policy is told where it is bound. */
function windowOf(one: LimitPolicyLike<never>, limit: string): { readonly policy?: Policy; readonly window: string } {
  try {
    const { key: _key, cost: _cost, ...plain } = typeof one === 'object' && 'policy' in one ? one : { policy: one }
    const { policy, name = limit } = toNamed(plain)
    return { policy, window: JSON.stringify([name, policy.windowMs, policy.unit]) }
  } catch {
    return { window: '' }
  }
}
