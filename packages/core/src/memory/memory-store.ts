import type { EditAnswer } from '../algorithms/quota-edit.js'
import { type Ask, type Return, refuseTwins } from '../decisions/ask.js'
import { admits } from '../decisions/decision.js'
import type { Edit, Once, OnceAnswer } from '../decisions/edit.js'
import type { Renewal } from '../decisions/lease.js'
import type { Standing } from '../decisions/standing.js'
import { checkOptions, checkWhole } from '../options.js'
import type { Policy } from '../policies/policy.js'
import { boundedKey } from '../runtime/key.js'
import type { Counts, StoreStats, SyncStore, TextEntry, Texts } from '../stores/store.js'
import { MemoryCounts } from './counts.js'
import { Ids } from './ids.js'
import type { Tally } from './shard.js'
import { Table } from './table.js'
import { MemoryTexts } from './texts.js'

export interface MemoryStoreOptions {
  /** The most buckets that are kept, a whole number ≥ 1. Defaults to 1,000,000. One bucket is one policy for one key. */
  readonly maxKeys?: number | undefined
  /**
   * Returns whole milliseconds; for calendar quotas, since 1970. Defaults to monotonic time, so that a change of the wall
   * clock changes nothing, and for quotas to the wall clock.
   */
  readonly clock?: (() => number) | undefined
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
 * When full it drops what matters least: what has expired, then what uses the least share of its capacity, so that a flood of new keys
 * cannot wash out one that is being denied.
 * @throws {ConfigError} on an unknown option or a `maxKeys` below 1.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  checkOptions('memoryStore()', options, ['maxKeys', 'clock'])
  return new Memory(checkWhole('maxKeys', options.maxKeys ?? 1_000_000, 1, 2 ** 24), clocksOf(options.clock))
}

// The global is read at each call, so that fake timers that replace `performance` move this clock too.
const monotonic = (): number => Math.floor(performance.now())
const unix = (): number => Date.now()

/**
 * The sweep's next step comes soon while it finds something. Once it has looked at every bucket and found nothing, each
 * wait is twice the one before.
 */
const SWEEP_SOON_MS = 25
const SWEEP_LATER_MS = 250
const SWEEP_LATEST_MS = 5 * 60_000

/** Slots looked at in a step, and the tables that have their turn in it: well under a millisecond of work. */
const SWEEP_STEP = 2_000
const SWEEP_TABLES = 16

interface Clocks {
  readonly monotonic: () => number
  readonly unix: () => number
}

function clocksOf(given: (() => number) | undefined): Clocks {
  return given === undefined ? { monotonic, unix } : { monotonic: given, unix: given }
}

class Memory implements MemoryStore {
  readonly maxKeys: number
  readonly #clocks: Clocks
  readonly #tally: Tally = { size: 0 }
  readonly #ids: Ids
  readonly #texts: MemoryTexts
  readonly #counts: MemoryCounts
  /** Policies that share an address share a table: a change of plan carries its usage over. */
  readonly #tables = new Map<string, Table>()
  /** The same tables, to look at one after the other. */
  #ring: Table[] = []
  #next = 0
  /** The largest table as far as is known: each new bucket compares two. */
  #largest: Table | undefined
  #byPolicy = new WeakMap<Policy, Table>()
  /** The last table asked for: most processes decide by one policy most of the time. */
  #lastPolicy: Policy | undefined
  #lastTable: Table | undefined
  #sweeping: ReturnType<typeof setTimeout> | undefined
  #evictions = 0
  /** Steps of the sweep since it found something. */
  #inVain = 0

  constructor(maxKeys: number, clocks: Clocks) {
    this.maxKeys = maxKeys
    this.#clocks = clocks
    this.#ids = new Ids(clocks.unix)
    this.#texts = new MemoryTexts(clocks.unix)
    this.#counts = new MemoryCounts(clocks.unix)
  }

  get size(): number {
    return this.#tally.size
  }

  stats(): StoreStats {
    return { buckets: this.#tally.size, evictions: this.#evictions }
  }

  consume(asks: readonly Ask[]): readonly Standing[] {
    const only = asks.length === 1 ? asks[0] : undefined
    if (only !== undefined) return [this.#take(only, this.#nowFor(only.policy))]
    refuseTwins(asks)
    const now = this.#clocks.monotonic()
    const date = this.#dateFor(asks)
    const standings: Standing[] = []
    for (const ask of asks) standings.push(this.#look(ask, isDated(ask) ? date : now))
    if (!admits(standings)) return standings
    const taken: Standing[] = []
    for (const ask of asks) taken.push(this.#take(ask, isDated(ask) ? date : now))
    return taken
  }

  consumeOnce(asks: readonly Ask[], once: Once): OnceAnswer<Standing> {
    return this.#ids.once(asks, once, () => this.consume(asks))
  }

  peek(asks: readonly Ask[]): readonly Standing[] {
    const now = this.#clocks.monotonic()
    const date = this.#dateFor(asks)
    return asks.map((ask) => this.#look(ask, isDated(ask) ? date : now))
  }

  edit(change: Edit): EditAnswer {
    const { policy, verb } = change
    const now = this.#nowFor(policy)
    const key = boundedKey(change.key)
    const table = this.#tableOf(policy)
    const shard = table.shardOf(key)
    const slot = shard.slotOf(key)
    if (slot !== 0 || verb !== 'grant') return shard.edit(slot, change, now)
    this.#makeRoom(table, key)
    const home = this.#tableOf(policy).shardFor(key)
    return home.edit(home.open(key), change, now)
  }

  get textsVersion(): string {
    return this.#texts.version
  }

  readTexts(known: string): Texts {
    return this.#texts.read(known)
  }

  writeText(entry: TextEntry): boolean {
    return this.#texts.write(entry)
  }

  addCounts(additions: readonly Counts[]): void {
    this.#counts.add(additions)
  }

  readCounts(tables: readonly string[]): readonly ReadonlyMap<string, number>[] {
    return this.#counts.read(tables)
  }

  refund(returns: readonly Return[], once?: Once): readonly number[] {
    if (once !== undefined) this.#ids.forget(returns, once)
    const [only] = returns
    if (only?.lease !== undefined && returns.length === 1) {
      this.#giveBack(only, 0)
      return NOTHING_OVER
    }
    return returns.map((back) => this.#giveBack(back, back.lease === undefined ? this.#nowFor(back.policy) : 0))
  }

  /** A lease is given back whenever it is. */
  #giveBack(back: Return, now: number): number {
    const key = boundedKey(back.key)
    const table = back.policy === this.#lastPolicy ? this.#lastTable : this.#tables.get(back.policy.address)
    return table?.shardOf(key).refund(key, back, now) ?? 0
  }

  renew(renewals: readonly Renewal[]): readonly boolean[] {
    const now = this.#clocks.monotonic()
    return renewals.map((renewal) => {
      const key = boundedKey(renewal.key)
      const table = this.#tableOf(renewal.policy)
      const shard = table.shardOf(key)
      if (shard.slotOf(key) !== 0 || !renewal.restore) return shard.renew(key, renewal, now)
      this.#makeRoom(table, key)
      const home = this.#tableOf(renewal.policy).shardFor(key)
      home.open(key)
      return home.renew(key, renewal, now)
    })
  }

  reset(policies: readonly Policy[], keys: readonly string[], scope?: string): void {
    for (const key of keys.map(boundedKey)) {
      if (scope !== undefined) this.#ids.forgetKey(scope, key)
      for (const { address } of policies) {
        const shard = this.#tables.get(address)?.shardOf(key)
        shard?.drop(shard.slotOf(key))
      }
    }
  }

  clear(policies?: readonly Policy[]): void {
    const gone = new Set(policies?.map(({ address }) => address) ?? this.#tables.keys())
    for (const address of gone) {
      this.#tally.size -= this.#tables.get(address)?.size ?? 0
      this.#tables.delete(address)
    }
    this.#ring = this.#ring.filter(({ address }) => !gone.has(address))
    this.#largest = undefined
    if (policies === undefined) {
      this.#ids.clear()
      this.#texts.clear()
      this.#counts.clear()
    }
    this.#forgetPolicies()
  }

  close(): void {
    clearTimeout(this.#sweeping)
    this.#sweeping = undefined
    this.clear()
  }

  #nowFor({ calendar }: Policy): number {
    return calendar === undefined ? this.#clocks.monotonic() : this.#clocks.unix()
  }

  /** One date for all quotas of a decision. */
  #dateFor(asks: readonly Ask[]): number {
    for (const ask of asks) if (isDated(ask)) return this.#clocks.unix()
    return 0
  }

  #look(ask: Ask, now: number): Standing {
    const key = boundedKey(ask.key)
    const shard = this.#tableOf(ask.policy).shardOf(key)
    return shard.decide(shard.slotOf(key), ask, now, false)
  }

  #take(ask: Ask, now: number): Standing {
    const key = boundedKey(ask.key)
    const table = this.#tableOf(ask.policy)
    const shard = table.shardOf(key)
    const slot = shard.slotOf(key)
    if (slot !== 0) return shard.decide(slot, ask, now, true)
    if (ask.cost === 0 || (ask.cost > ask.policy.capacity && !ask.policy.soft)) return shard.decide(0, ask, now, false)
    this.#makeRoom(table, key)
    const home = this.#tableOf(ask.policy).shardFor(key)
    return home.decide(home.open(key), ask, now, true)
  }

  #tableOf(policy: Policy): Table {
    if (policy === this.#lastPolicy && this.#lastTable !== undefined) return this.#lastTable
    const table = this.#byPolicy.get(policy) ?? this.#adopt(policy)
    this.#lastPolicy = policy
    this.#lastTable = table
    return table
  }

  #adopt(policy: Policy): Table {
    let table = this.#tables.get(policy.address)
    if (table === undefined) {
      table = new Table(policy, this.#tally, policy.calendar === undefined ? this.#clocks.monotonic : this.#clocks.unix)
      this.#tables.set(policy.address, table)
      this.#ring.push(table)
    }
    this.#byPolicy.set(policy, table)
    return table
  }

  /** Every new bucket pays for a look at a few old ones, in its own table and in the next; one goes when there is no room. */
  #makeRoom(table: Table, key: string): void {
    this.#sweepAfter(SWEEP_LATER_MS, this.#clocks.monotonic())
    table.sweep(2)
    this.#sweepNext(2, table)
    if (this.#tally.size >= this.maxKeys) this.#evict(table, key)
  }

  /** Sweeps the table whose turn it is, and forgets it where it is empty and not in use at the moment. */
  #sweepNext(count: number, inUse: Table | undefined): number {
    this.#next = this.#next + 1 < this.#ring.length ? this.#next + 1 : 0
    const table = this.#ring[this.#next]
    if (table === undefined) return 0
    const dropped = table.sweep(count)
    if (this.#largest === undefined || table.size > this.#largest.size) this.#largest = table
    if (table.size === 0 && table !== inUse) this.#forget(table)
    return dropped
  }

  #forget(table: Table): void {
    this.#tables.delete(table.address)
    const last = this.#ring.pop()
    if (last !== undefined && last !== table) this.#ring[this.#next] = last
    if (table === this.#largest) this.#largest = undefined
    this.#forgetPolicies()
  }

  #forgetPolicies(): void {
    this.#byPolicy = new WeakMap()
    this.#lastPolicy = undefined
    this.#lastTable = undefined
  }

  /**
   * Of some buckets in this table and in the largest, the one that uses the least share of its capacity goes; where both
   * only hold slots, which are never dropped, of those in the next table that has others.
   */
  #evict(table: Table, key: string): void {
    this.#evictions += 1
    const home = table.shardOf(key)
    const here = home.size > 0 ? home : table.nextShard()
    const largest = this.#largest ?? table
    const there = largest === table ? here : largest.nextShard()
    const own = here.candidate(key, table.now())
    const other = there === here ? undefined : there.candidate(key, largest.now())
    if (own !== undefined && (other === undefined || own.share <= other.share)) here.drop(own.slot)
    else if (other !== undefined) there.drop(other.slot)
    else this.#evictElsewhere(key)
  }

  #evictElsewhere(key: string): void {
    for (const table of this.#ring) {
      const shard = table.nextShard()
      const candidate = shard.candidate(key, table.now())
      if (candidate === undefined) continue
      shard.drop(candidate.slot)
      return
    }
  }

  /**
   * One timer for the whole store, only while it holds something; it never keeps the process alive. A clock that stands
   * still, as in tests, lets nothing expire: then the next new bucket starts the sweep again.
   */
  #sweepAfter(ms: number, before: number): void {
    if (this.#sweeping !== undefined) return
    this.#sweeping = setTimeout(() => {
      this.#sweeping = undefined
      const now = this.#clocks.monotonic()
      let dropped = 0
      const tables = Math.min(SWEEP_TABLES, this.#ring.length)
      for (let table = 0; table < tables; table++) {
        dropped += this.#sweepNext(Math.ceil(SWEEP_STEP / tables), undefined)
      }
      this.#inVain = dropped > 0 ? 0 : this.#inVain + 1
      if (this.size === 0 || (now === before && this.#inVain > this.#stepsForAll())) return
      if (dropped > 0) this.#sweepAfter(SWEEP_SOON_MS, now)
      else if (this.#inVain <= this.#stepsForAll()) this.#sweepAfter(SWEEP_LATER_MS, now)
      else this.#sweepAfter(Math.min(2 * ms, SWEEP_LATEST_MS), now)
    }, ms)
    if (typeof this.#sweeping === 'object') this.#sweeping.unref()
  }

  /** At most so many steps look at every bucket: of each table in its turn, a part. */
  #stepsForAll(): number {
    const tables = Math.min(SWEEP_TABLES, this.#ring.length)
    let largest = 0
    for (const { size } of this.#ring) largest = Math.max(largest, size)
    return Math.ceil(this.#ring.length / tables) * Math.ceil((largest * tables) / SWEEP_STEP)
  }
}

const NOTHING_OVER: readonly number[] = [0]

/** Whether it goes by the date, as quotas do. */
function isDated({ policy }: Ask): boolean {
  return policy.calendar !== undefined
}
