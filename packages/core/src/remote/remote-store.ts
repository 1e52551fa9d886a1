import { type Ask, type Return, refuseTwins } from '../decisions/ask.js'
import { admits } from '../decisions/decision.js'
import type { Standing } from '../decisions/standing.js'
import { ConfigError, isError, StoreError, shown } from '../errors.js'
import { checkOptions } from '../options.js'
import type { AlgorithmName, Policy } from '../policies/policy.js'
import type { Store } from '../stores/store.js'
import { askAcross, bySlot, type SlotAnswer, type SlotGroup } from './across-slots.js'
import { type Batch, Batches } from './batch.js'
import { BucketNames, type NamingOptions } from './bucket-name.js'
import { Commands, type Verb } from './command.js'
import type { Connection } from './connection.js'
import { Denials } from './denials.js'
import { Buckets, type Reply, standingOf, verdictOf } from './reply.js'
import { Runner } from './runner.js'
import { scriptFor } from './script.js'

export interface RemoteStoreOptions extends NamingOptions {
  /**
   * Denies a key that was denied from memory until its time has come, without asking the store. Defaults to `true`.
   * A refund or reset by another process is seen ten seconds later at the most.
   */
  readonly rememberDenials?: boolean | undefined
  /** For tests: returns whole milliseconds, in place of the server's own clock. Buckets then live an hour longer. */
  readonly clock?: (() => number) | undefined
}

const KNOWN = ['prefix', 'hashKeys', 'rememberDenials', 'clock']

/**
 * A store over a connection to Redis, or to what runs Lua as it does.
 * @throws {ConfigError} on an option that cannot be right.
 */
export function remoteStore(place: string, connection: Connection, options: RemoteStoreOptions = {}): Store {
  checkOptions(place, options, KNOWN)
  const { rememberDenials, clock } = options
  if (rememberDenials !== undefined && typeof rememberDenials !== 'boolean') {
    throw new ConfigError(`rememberDenials: expected true or false, got ${shown(rememberDenials)}.`)
  }
  if (clock !== undefined && typeof clock !== 'function') {
    throw new ConfigError(`clock: expected a function, got ${shown(clock)}.`)
  }
  return new RemoteStore(connection, options)
}

/** One decision under way. */
interface Entry {
  readonly verb: Verb
  readonly asks: readonly Ask[]
  readonly now: number | undefined
  /** How often something had been given back when it was sent: a denial from before is not remembered after. */
  readonly changes: number
  /** With how the buckets stood before, where that is wanted. */
  readonly resolve: (standings: readonly Standing[], before: readonly Standing[]) => void
  readonly wantsBefore: boolean
  readonly reject: (error: StoreError) => void
}

class RemoteStore implements Store {
  readonly url: string
  readonly prefix: string | undefined
  readonly #connection: Connection
  readonly #runner: Runner
  readonly #names: BucketNames
  readonly #denials: Denials | undefined
  readonly #clock: (() => number) | undefined
  readonly #commands = new Commands()
  readonly #batches = new Batches<Entry>((batch) => this.#send(batch))
  #changes = 0

  constructor(connection: Connection, options: RemoteStoreOptions) {
    this.url = connection.url
    this.prefix = options.prefix
    this.#connection = connection
    this.#runner = new Runner(connection)
    this.#names = new BucketNames(options)
    this.#clock = options.clock
    const { rememberDenials = true } = options
    this.#denials = rememberDenials ? new Denials(this.#clock ?? (() => performance.now())) : undefined
  }

  consume(asks: readonly Ask[]): readonly Standing[] | Promise<readonly Standing[]> {
    if (asks.length > 1) refuseTwins(asks)
    return this.#denials?.recall(asks) ?? this.#run('take', asks)
  }

  peek(asks: readonly Ask[]): Promise<readonly Standing[]> {
    return this.#run('look', asks)
  }

  async refund(returns: readonly Return[]): Promise<void> {
    const keys = returns.map(({ key }) => key)
    this.#forget(keys)
    try {
      await Promise.all(this.#bySlot(returns).map(({ slot, asks }) => this.#enqueue('give', slot, asks)))
    } finally {
      this.#forget(keys)
    }
  }

  async reset(policies: readonly Policy[], keys: readonly string[]): Promise<void> {
    this.#batches.flush()
    const names = policies.flatMap((policy) => keys.map((key) => this.#names.of(policy, key)))
    await this.#orFail(() => this.#connection.remove(names))
    this.#forget(keys)
  }

  async clear(policies: readonly (Policy | undefined)[] = [undefined]): Promise<void> {
    this.#batches.flush()
    await this.#orFail(async () => {
      for (const policy of policies) {
        for await (const found of this.#connection.scan(this.#names.pattern(policy))) {
          await this.#connection.remove(found.filter((name) => this.#names.owns(name, policy)))
        }
      }
    })
    this.#changes += 1
    this.#denials?.clear()
  }

  close(): void | Promise<void> {
    this.#batches.flush()
    return this.#connection.close()
  }

  partOf(key: string): string {
    return this.#connection.nodeOf?.(this.#slotOf(key)) ?? ''
  }

  #slotOf(key: string): number {
    return this.#connection.slotOf?.(this.#names.tagOf(key)) ?? 0
  }

  async #orFail(what: () => Promise<unknown>): Promise<void> {
    try {
      await what()
    } catch (error) {
      throw this.#failure(error)
    }
  }

  #forget(keys: readonly string[]): void {
    this.#changes += 1
    for (const key of keys) this.#denials?.forget(key)
  }

  #bySlot<A extends Ask>(asks: readonly A[]): readonly SlotGroup<A>[] {
    const first = asks[0]
    if (first === undefined) return []
    if (this.#connection.slotOf === undefined) return [{ slot: 0, asks }]
    if (asks.every(({ key }) => key === first.key)) return [{ slot: this.#slotOf(first.key), asks }]
    return bySlot(asks, (key) => this.#slotOf(key))
  }

  #run(verb: 'take' | 'look', asks: readonly Ask[]): Promise<readonly Standing[]> {
    const groups = this.#bySlot(asks)
    const [only] = groups
    if (only === undefined) return Promise.resolve([])
    if (groups.length === 1) return this.#enqueue(verb, only.slot, asks)
    const enqueue = (how: Verb, group: SlotGroup<Ask>) => this.#enqueueAcross(how, group)
    return askAcross(verb, groups, enqueue, (returns) => this.refund(returns)).then((standings) =>
      asks.flatMap((ask) => standings.get(ask) ?? []),
    )
  }

  #enqueue(verb: Verb, slot: number, asks: readonly Ask[]): Promise<readonly Standing[]> {
    return new Promise((resolve, reject) => this.#add(verb, slot, asks, false, resolve, reject))
  }

  #enqueueAcross(verb: Verb, { slot, asks }: SlotGroup<Ask>): Promise<SlotAnswer> {
    return new Promise((resolve, reject) => {
      this.#add(verb, slot, asks, true, (standings, before) => resolve({ standings, before }), reject)
    })
  }

  #add(
    verb: Verb,
    slot: number,
    asks: readonly Ask[],
    wantsBefore: boolean,
    resolve: Entry['resolve'],
    reject: Entry['reject'],
  ): void {
    const now = this.#clock?.()
    const names = asks.map(({ policy, key }) => this.#names.of(policy, key))
    const command = this.#commands.of(verb, asks, now)
    this.#batches.add(slot, command, names, { verb, asks, now, changes: this.#changes, resolve, reject, wantsBefore })
  }

  #send({ entries, names, order, commands }: Batch<Entry>): Promise<void> {
    const algorithms = new Set<AlgorithmName>()
    for (const { asks } of entries) for (const { policy } of asks) algorithms.add(policy.algorithm)
    const fail = (cause: unknown) => {
      const failure = this.#failure(cause)
      for (const { reject } of entries) reject(failure)
    }
    return this.#runner.run(scriptFor(algorithms), names, [order, ...commands]).then((reply) => {
      try {
        this.#settle(entries, names, reply)
      } catch (error) {
        fail(error)
      }
    }, fail)
  }

  #settle(entries: readonly Entry[], names: readonly string[], reply: Reply): void {
    const buckets = new Buckets(reply)
    if (!Number.isSafeInteger(Number(reply[0]))) throw new StoreError('an answer without a clock')
    let first = 0
    for (const [i, entry] of entries.entries()) {
      const now = entry.now ?? Number(reply[0])
      const found = entry.asks.map(({ policy }) => buckets.next(policy, now))
      const verdict = verdictOf(reply, i)
      if (verdict === 'unusable') entry.reject(this.#unusable(found, names, first))
      else if (entry.verb === 'give') entry.resolve([], [])
      else if (found.every(areCells)) this.#decided(entry, verdict === 'allowed', found, now)
      else entry.reject(this.#unusable(found, names, first))
      first += entry.asks.length
    }
  }

  /** Which of the buckets that were looked for is at fault, and why. */
  #unusable(found: readonly (readonly number[] | string)[], names: readonly string[], first: number): StoreError {
    const fault = found.findIndex((cells) => typeof cells === 'string' && cells !== '')
    const bucket = names[first + fault]
    if (fault < 0 || bucket === undefined) return new StoreError(`${this.url} gave an answer that cannot be read.`)
    return new StoreError(`The bucket ${bucket} in ${this.url} cannot be used: ${found[fault]}.`, { bucket })
  }

  #decided(entry: Entry, allowed: boolean, cells: readonly number[][], now: number): void {
    const { asks, verb } = entry
    const commit = allowed && verb === 'take'
    const before = entry.wantsBefore ? asks.map((ask, i) => standingOf(ask, [...(cells[i] ?? [])], now, false)) : []
    const standings = asks.map((ask, i) => standingOf(ask, cells[i] ?? [], now, commit))
    if (admits(standings) !== allowed) {
      entry.reject(new StoreError(`${this.url} decided by another version of Sluice's script.`))
      return
    }
    if (verb === 'take') this.#noteDenial(entry, allowed, cells, now)
    entry.resolve(standings, before)
  }

  #noteDenial({ asks, changes }: Entry, allowed: boolean, cells: readonly number[][], now: number): void {
    if (this.#denials === undefined) return
    if (!allowed && changes === this.#changes) {
      this.#denials.remember(asks, cells, now, this.#clock === undefined ? performance.now() : now)
    }
    if (allowed) this.#denials.taken(asks)
  }

  #failure(cause: unknown): StoreError {
    const said = isError(cause) ? cause.message || firstOf(cause) : String(cause)
    return new StoreError(`${this.url}: ${said}`, { cause, uncertain: !isRefusal(cause) })
  }
}

/** An AggregateError has no message of its own, only errors. */
function firstOf(cause: Error): string {
  const [first] = 'errors' in cause && Array.isArray(cause.errors) ? cause.errors : []
  return isError(first) ? first.message : cause.name
}

function areCells(found: readonly number[] | string): found is number[] {
  return typeof found !== 'string'
}

/** Whether it is certain that nothing was done: the server answered with an error, or was never asked. */
function isRefusal(cause: unknown): boolean {
  if (!isError(cause)) return false
  return cause.name === 'ReplyError' || cause.name === 'UpstashError' || ('unsent' in cause && cause.unsent === true)
}
