import { createLimiter, type Decision, type Limiter, type Policy, type Store } from '@sluice/core'

/** One store for all runs, each of which has a key and a clock of its own. */
export class World {
  store: Store | undefined
  now = 0
  keys = 0
}

export class Bench {
  readonly key: string
  readonly limiter: Limiter<Store>
  readonly #world: World
  #now: number

  constructor(world: World, policies: Policy | readonly Policy[], began = 1_000, key?: string) {
    if (world.store === undefined) throw new Error('the store is not open yet')
    world.keys += 1
    this.key = key ?? `key-${world.keys}`
    this.#world = world
    this.#now = began
    this.limiter = createLimiter({ policies: policies as Policy, store: world.store, timeoutMs: 10_000 })
  }

  get now(): number {
    return this.#now
  }

  set now(ms: number) {
    this.#now = ms
  }

  take(cost: number): Decision | Promise<Decision> {
    return this.#at(this.#now, () => this.limiter.consume(this.key, { cost }))
  }

  peek(cost: number, after = 0): Decision | Promise<Decision> {
    return this.#at(this.#now + after, () => this.limiter.peek(this.key, { cost }))
  }

  refund(decision: Decision, cost?: number): void | Promise<void> {
    return this.#at(this.#now, () => this.limiter.refund(decision, cost === undefined ? {} : { cost }))
  }

  /** The same bucket at the same time, asked by other policies. */
  by(policies: Policy): Bench {
    return new Bench(this.#world, policies, this.#now, this.key)
  }

  reset(): void | Promise<void> {
    return this.limiter.reset(this.key)
  }

  #at<T>(ms: number, ask: () => T): T {
    this.#world.now = ms
    return ask()
  }
}

/** The only one of a decision. */
export function standing(decision: Decision): Decision['standings'][number] {
  const [only] = decision.standings
  if (only === undefined) throw new Error('a decision has a standing')
  return only
}
