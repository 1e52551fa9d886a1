import { ConfigError, describe, shown } from '../errors.js'
import { isPolicy } from '../policies/policy.js'
import { warn } from '../runtime/builtin.js'
import type { Configuration, ConfiguredLimit } from './configuration.js'
import type { LimitNames } from './limit-names.js'
import type { LimitOptions, LimitPolicies, LimitPolicyLike, SluiceOptions } from './limit-options.js'
import { type MadeLimit, makeLimit, type Workshop } from './make-limit.js'
import { plans } from './plans.js'

/** A configured limit that is in use: what `limit.named` returned goes by whatever is current. */
interface InUse<Req extends object> {
  readonly name: string
  readonly own: ConfiguredLimit<Req>
  current: MadeLimit<Req>
}

/** The limits of a configuration, which may be swapped for another while they are in use. */
export class NamedLimits<Req extends object> {
  readonly #workshop: Workshop<Req>
  /** The names of the limits that are made in code. */
  readonly #others: LimitNames
  #names: LimitNames
  #configuration: Configuration<Req>
  #defaults: LimitOptions<Req>
  readonly #inUse: InUse<Req>[] = []
  #stop: (() => void) | undefined

  /** @throws {ConfigError} on a configuration that cannot be right. */
  constructor(
    workshop: Workshop<Req>,
    others: LimitNames,
    configuration: Configuration<Req>,
    defaults: LimitOptions<Req>,
  ) {
    this.#workshop = workshop
    this.#others = others
    this.#configuration = configuration
    this.#defaults = defaults
    this.#names = this.#check(configuration, defaults)
  }

  /** Those that are in use, as they are now. */
  get current(): readonly MadeLimit<Req>[] {
    return this.#inUse.map(({ current }) => current)
  }

  /** From now on `next` may take its place. */
  watch(read: (next: SluiceOptions<Req>) => { configuration: Configuration<Req>; defaults: LimitOptions<Req> }): void {
    this.#stop = this.#configuration.watch?.((next) => {
      const { configuration, defaults } = read(next)
      this.#swap(configuration, defaults)
    })
  }

  stop(): void {
    this.#stop?.()
    this.#stop = undefined
  }

  /** @throws {ConfigError} on a name that the configuration does not have. */
  use(name: string, own: ConfiguredLimit<Req>): { readonly current: MadeLimit<Req> } {
    const current = this.#make(this.#configuration, this.#defaults, this.#names, name, own)
    const entry: InUse<Req> = { name, own, current }
    this.#inUse.push(entry)
    return entry
  }

  /** All or nothing: what cannot be right leaves everything as it is. */
  #swap(configuration: Configuration<Req>, defaults: LimitOptions<Req>): void {
    if (configuration.store !== this.#configuration.store) {
      warn(
        'SLUICE_CONFIG',
        'The store of the configuration has changed: that needs a restart. The rest holds from now on.',
      )
    }
    const names = this.#check(configuration, defaults)
    const made = this.#inUse.map(({ name, own }) => this.#make(configuration, defaults, names, name, own))
    for (const [i, entry] of this.#inUse.entries()) entry.current = made[i] ?? entry.current
    this.#names = names
    this.#configuration = { ...configuration, store: this.#configuration.store }
    this.#defaults = defaults
    this.#workshop.events.emit('reloaded', { limits: Object.keys(configuration.limits ?? {}) })
  }

  /** Makes every limit once, those too that nobody uses yet. */
  #check(configuration: Configuration<Req>, defaults: LimitOptions<Req>): LimitNames {
    const names = this.#others.copy()
    const { limits = {} } = configuration
    if (typeof limits !== 'object' || limits === null) {
      throw new ConfigError(`limits: expected limits by name, as in { login: '5/15min' }, got ${shown(limits)}.`)
    }
    for (const name of Object.keys(limits)) this.#make(configuration, defaults, names, name, {})
    return names
  }

  #make(
    configuration: Configuration<Req>,
    defaults: LimitOptions<Req>,
    names: LimitNames,
    name: string,
    own: ConfiguredLimit<Req>,
  ): MadeLimit<Req> {
    const { policies, plan, ...options } = { ...configuredLimit(configuration, name), ...own }
    try {
      return makeLimit(this.#workshop, names, name, true, policiesOf(configuration, policies, plan), options, defaults)
    } catch (error) {
      throw new ConfigError(`limits.${name}: ${describe(error)}`)
    }
  }
}

/** @throws {ConfigError} where there is none of this name. */
function configuredLimit<Req>({ limits = {} }: Configuration<Req>, name: string): ConfiguredLimit<Req> {
  const limit = Object.hasOwn(limits, name) ? limits[name] : undefined
  if (limit !== undefined) return isLimit(limit) ? limit : { policies: limit }
  const names = Object.keys(limits).map((known) => `"${known}"`)
  throw new ConfigError(
    `limit.named(): there is no limit ${shown(name)} in the configuration. ` +
      (names.length === 0 ? 'It has no limits.' : `It has: ${names.join(', ')}.`),
  )
}

function isLimit<Req>(
  limit: ConfiguredLimit<Req> | LimitPolicyLike<Req> | readonly LimitPolicyLike<Req>[],
): limit is ConfiguredLimit<Req> {
  return typeof limit === 'object' && !Array.isArray(limit) && !isPolicy(limit) && !('policy' in limit)
}

/** @throws {ConfigError} unless it is policies, or a plan's. */
function policiesOf<Req>(
  configuration: Configuration<Req>,
  policies: ConfiguredLimit<Req>['policies'],
  plan: ConfiguredLimit<Req>['plan'],
): LimitPolicies<Req> {
  if (policies !== undefined && plan !== undefined) throw new ConfigError('it has policies and plan; choose one.')
  if (policies !== undefined) return policies
  if (plan === undefined) throw new ConfigError("it needs policies, as in { policies: '100/min' }, or a plan.")
  if (configuration.plans === undefined) throw new ConfigError('it goes by plan, but the configuration has no plans.')
  return plans(configuration.plans, plan)
}
