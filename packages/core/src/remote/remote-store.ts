import { admits, type Standing } from '../decision.js'
import { ConfigError, StoreError, shown } from '../errors.js'
import { checkOptions } from '../options.js'
import type { Policy } from '../policy.js'
import type { Ask, Return, Store } from '../store.js'
import { askAcross, bySlot, type SlotGroup } from './across-slots.js'
import { type Batch, Batches } from './batch.js'
import { BucketNames, type NamingOptions } from './bucket-name.js'
import type { Connection } from './connection.js'
import { Denials } from './denials.js'
import { Questions, type Verb } from './question.js'
import { cellsOf, foundIn, type Reply, standingOf, unusableBucket, verdictOf } from './reply.js'
import { Runner } from './runner.js'

export interface RemoteStoreOptions extends NamingOptions {
  /**
   * Denies a key that was denied from memory until its time has come, without asking the store. `true` unless told.
   * A refund or reset by another process is seen ten seconds later at the most.
   */
  readonly rememberDenials?: boolean
  /** For tests: tells whole milliseconds in place of the server's own clock. Buckets then live an hour longer. */
  readonly clock?: () => number
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
interface Visit {
  readonly verb: Verb
  readonly asks: readonly Ask[]
  readonly now: number | undefined
  /** How often something had been given back when it was sent: a denial from before is not remembered after. */
  readonly changes: number
  readonly resolve: (standings: readonly Standing[]) => void
  readonly reject: (error: StoreError) => void
}

class RemoteStore implements Store {
  readonly url: string
  readonly #connection: Connection
  readonly #runner: Runner
  readonly #names: BucketNames
  readonly #denials: Denials | undefined
  readonly #clock: (() => number) | undefined
  readonly #questions = new Questions()
  readonly #batches = new Batches<Visit>((batch) => this.#send(batch))
  #changes = 0

  constructor(connection: Connection, options: RemoteStoreOptions) {
    this.url = connection.url
    this.#connection = connection
    this.#runner = new Runner(connection)
    this.#names = new BucketNames(options)
    this.#clock = options.clock
    const { rememberDenials = true } = options
    this.#denials = rememberDenials ? new Denials(this.#clock ?? (() => performance.now())) : undefined
  }

  consume(asks: readonly Ask[]): readonly Standing[] | Promise<readonly Standing[]> {
    return this.#denials?.recall(asks) ?? this.#visitAll('take', asks)
  }

  peek(asks: readonly Ask[]): Promise<readonly Standing[]> {
    return this.#visitAll('look', asks)
  }

  async refund(returns: readonly Return[]): Promise<void> {
    const keys = returns.map(({ key }) => key)
    this.#forget(keys)
    try {
      await Promise.all(this.#bySlot(returns).map(({ slot, asks }) => this.#visit('give', slot, asks)))
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

  #visitAll(verb: 'take' | 'look', asks: readonly Ask[]): Promise<readonly Standing[]> {
    const groups = this.#bySlot(asks)
    const [only] = groups
    if (only === undefined) return Promise.resolve([])
    if (groups.length === 1) return this.#visit(verb, only.slot, asks)
    const visit = (how: Verb, group: SlotGroup<Ask>) => this.#visit(how, group.slot, group.asks)
    return askAcross(verb, groups, visit, (returns) => this.refund(returns)).then((standings) =>
      asks.flatMap((ask) => standings.get(ask) ?? []),
    )
  }

  #visit(verb: Verb, slot: number, asks: readonly Ask[]): Promise<readonly Standing[]> {
    const now = this.#clock?.()
    const names = asks.map(({ policy, key }) => this.#names.of(policy, key))
    const question = this.#questions.of(verb, asks, now)
    return new Promise((resolve, reject) => {
      this.#batches.add(slot, question, names, { verb, asks, now, changes: this.#changes, resolve, reject })
    })
  }

  #send({ visits, names, order, questions }: Batch<Visit>): Promise<void> {
    return this.#runner
      .run(names, [order, ...questions])
      .then((reply) => this.#settle(visits, names, reply))
      .catch((error) => {
        const failure = this.#failure(error)
        for (const { reject } of visits) reject(failure)
      })
  }

  #settle(visits: readonly Visit[], names: readonly string[], reply: Reply): void {
    let first = 0
    for (const [i, visit] of visits.entries()) {
      const last = first + visit.asks.length
      const verdict = verdictOf(reply, i)
      if (verdict === 'unusable') visit.reject(unusableBucket(this.url, reply, names, first, last))
      else if (visit.verb === 'give') visit.resolve([])
      else this.#decided(visit, verdict === 'allowed', foundIn(reply, first, last), visit.now ?? reply[0])
      first = last
    }
  }

  #decided(visit: Visit, allowed: boolean, found: readonly string[], now: number): void {
    const { asks, verb } = visit
    const commit = allowed && verb === 'take'
    const cells = asks.map(({ policy }, i) => cellsOf(found[i] ?? '', policy))
    const standings = asks.map((ask, i) => standingOf(ask, cells[i] ?? [], now, commit))
    if (admits(standings) !== allowed) {
      visit.reject(new StoreError(`${this.url} decided by another version of Sluice's script.`))
      return
    }
    if (verb === 'take') this.#noteDenial(visit, allowed, cells, now)
    visit.resolve(standings)
  }

  #noteDenial({ asks, changes }: Visit, allowed: boolean, cells: readonly number[][], now: number): void {
    if (this.#denials === undefined) return
    if (!allowed && changes === this.#changes) {
      this.#denials.remember(asks, cells, now, this.#clock === undefined ? performance.now() : now)
    }
    // What was taken since makes a remembered bucket an old one.
    if (allowed) for (const { key } of asks) this.#denials.forget(key)
  }

  #failure(cause: unknown): StoreError {
    const said = cause instanceof Error ? cause.message : String(cause)
    return new StoreError(`${this.url}: ${said}`, { cause })
  }
}
