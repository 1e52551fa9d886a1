import { type Ask, type Return, refuseTwins } from '../decisions/ask.js'
import { admits } from '../decisions/decision.js'
import type { Standing } from '../decisions/standing.js'
import { checkOptions, checkWhole } from '../options.js'
import type { Policy } from '../policies/policy.js'
import type { SyncStore } from '../stores/store.js'
import { Table } from './table.js'

export interface MemoryStoreOptions {
  /** Buckets kept at the most, a whole number ≥ 1; 1,000,000 unless told. One bucket is one policy for one key. */
  readonly maxKeys?: number
  /** Tells whole milliseconds. Monotonic time unless told: a change of the wall clock changes nothing. */
  readonly clock?: () => number
}

/** The buckets of this process. */
export interface MemoryStore extends SyncStore {
  /** Buckets held now. */
  readonly size: number
  /** The most buckets held at a time. */
  readonly maxKeys: number
}

/**
 * The embedded default: exact, synchronous and bounded.
 * When full it forgets what matters least: what has expired, then what is nearest to full, so that a flood of new keys
 * cannot wash out one that is being denied.
 * @throws {ConfigError} on an unknown option or a `maxKeys` below 1.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  checkOptions('memoryStore()', options, ['maxKeys', 'clock'])
  return new Memory(checkWhole('maxKeys', options.maxKeys ?? 1_000_000, 1, 2 ** 24), options.clock ?? monotonic)
}

// The global is asked anew each time, so that fake timers in somebody's tests move this clock too.
const monotonic = (): number => Math.floor(performance.now())

/** The sweep's next step comes soon while it finds something, and later while it does not. */
const SWEEP_SOON_MS = 25
const SWEEP_LATER_MS = 250

/** Slots looked at in a step: well under a millisecond of work. */
const SWEEP_STEP = 2_000

class Memory implements MemoryStore {
  readonly maxKeys: number
  readonly #clock: () => number
  /** Policies that share an address share a table: a change of plan carries its usage over. */
  readonly #tables = new Map<string, Table>()
  #byPolicy = new WeakMap<Policy, Table>()
  /** The last table asked for: most processes decide by one policy most of the time. */
  #lastPolicy: Policy | undefined
  #lastTable: Table | undefined
  #sweeping: ReturnType<typeof setTimeout> | undefined

  constructor(maxKeys: number, clock: () => number) {
    this.maxKeys = maxKeys
    this.#clock = clock
  }

  get size(): number {
    let size = 0
    for (const table of this.#tables.values()) size += table.size
    return size
  }

  consume(asks: readonly Ask[]): readonly Standing[] {
    const now = this.#clock()
    const only = asks.length === 1 ? asks[0] : undefined
    if (only !== undefined) return [this.#take(only, now)]
    refuseTwins(asks)
    const standings = asks.map((ask) => this.#look(ask, now))
    return admits(standings) ? asks.map((ask) => this.#take(ask, now)) : standings
  }

  peek(asks: readonly Ask[]): readonly Standing[] {
    const now = this.#clock()
    return asks.map((ask) => this.#look(ask, now))
  }

  refund(returns: readonly Return[]): void {
    const now = this.#clock()
    for (const back of returns) this.#tableOf(back.policy).refund(back, now)
  }

  reset(policies: readonly Policy[], keys: readonly string[]): void {
    for (const policy of policies) {
      const table = this.#tableOf(policy)
      for (const key of keys) table.delete(key)
    }
  }

  clear(policies?: readonly Policy[]): void {
    if (policies === undefined) this.#tables.clear()
    else for (const policy of policies) this.#tables.delete(policy.address)
    this.#byPolicy = new WeakMap()
    this.#lastPolicy = undefined
  }

  close(): void {
    clearTimeout(this.#sweeping)
    this.#sweeping = undefined
    this.clear()
  }

  #look(ask: Ask, now: number): Standing {
    const table = this.#tableOf(ask.policy)
    return table.decide(table.slotOf(ask.key), ask, now, false)
  }

  #take(ask: Ask, now: number): Standing {
    const table = this.#tableOf(ask.policy)
    const slot = table.slotOf(ask.key)
    if (slot !== 0) return table.decide(slot, ask, now, true)
    if (ask.cost === 0 || ask.cost > ask.policy.capacity) return table.decide(0, ask, now, false)
    this.#makeRoom(now)
    return table.decide(table.open(ask.key), ask, now, true)
  }

  #tableOf(policy: Policy): Table {
    if (policy === this.#lastPolicy && this.#lastTable !== undefined) return this.#lastTable
    const table = this.#byPolicy.get(policy) ?? this.#adopt(policy)
    this.#lastPolicy = policy
    this.#lastTable = table
    return table
  }

  #adopt(policy: Policy): Table {
    const table = this.#tables.get(policy.address) ?? new Table(policy)
    table.serve(policy)
    this.#tables.set(policy.address, table)
    this.#byPolicy.set(policy, table)
    return table
  }

  /** Every new bucket pays for a look at a few old ones; when there is no room, the largest table gives one up. */
  #makeRoom(now: number): void {
    this.#sweepLater(SWEEP_LATER_MS)
    let largest: Table | undefined
    let size = 0
    for (const table of this.#tables.values()) {
      table.sweep(2, now)
      size += table.size
      if (largest === undefined || table.size > largest.size) largest = table
    }
    if (size >= this.maxKeys) largest?.evict(now)
  }

  /** One timer for the whole store, only while it holds something; it never keeps the process alive. */
  #sweepLater(ms: number): void {
    if (this.#sweeping !== undefined) return
    this.#sweeping = setTimeout(() => {
      this.#sweeping = undefined
      const now = this.#clock()
      let dropped = 0
      for (const table of this.#tables.values()) dropped += table.sweep(SWEEP_STEP, now)
      if (this.size > 0) this.#sweepLater(dropped > 0 ? SWEEP_SOON_MS : SWEEP_LATER_MS)
    }, ms)
    if (typeof this.#sweeping === 'object') this.#sweeping.unref()
  }
}
