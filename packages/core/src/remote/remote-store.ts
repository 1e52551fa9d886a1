import type { EditAnswer } from '../algorithms/quota-edit.js'
import { type Ask, type Return, refuseTwins } from '../decisions/ask.js'
import { admits } from '../decisions/decision.js'
import type { Edit, Once, OnceAnswer } from '../decisions/edit.js'
import type { Renewal } from '../decisions/lease.js'
import { Standing } from '../decisions/standing.js'
import { ConfigError, isError, StoreError, shown } from '../errors.js'
import { checkOptions } from '../options.js'
import { largestDebt } from '../policies/debt.js'
import type { AlgorithmName, Policy } from '../policies/policy.js'
import { idNumbers } from '../runtime/key.js'
import type { Counts, Store, StoreStats, TextEntry, Texts } from '../stores/store.js'
import { askAcross, bySlot, type SlotGroup } from './across-slots.js'
import { type Batch, Batches } from './batch.js'
import { BucketNames, type NamingOptions } from './bucket-name.js'
import { Commands, type OnceArgs, type Verb } from './command.js'
import type { Connection } from './connection.js'
import { ADD_COUNTS, READ_COUNTS } from './counts.lua.js'
import { Denials } from './denials.js'
import { Buckets, type Reply, standingOf, type Verdict, verdictOf } from './reply.js'
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

/** One decision, or one change, under way. */
interface Entry {
  readonly verb: Verb
  readonly slot: number
  readonly asks: readonly (Ask | Return | Edit)[]
  readonly names: readonly string[]
  readonly now: number | undefined
  /** How often something had been given back when it was sent: a denial from before is not remembered after. */
  readonly changes: number
  /** Of the leases that are taken, given back or renewed. */
  readonly numbers: readonly number[]
  /** Whether how the buckets stood before is wanted. */
  readonly wantsBefore: boolean
  /** Of a take that counts once. */
  readonly once: OnceArgs | undefined
  /** A command that concerns no buckets. */
  readonly command: string | undefined
  /** Whether it was asked before, when this process was wrong about the server's clock. */
  readonly again: boolean
  readonly resolve: (answer: EntryAnswer) => void
  readonly reject: (error: StoreError) => void
}

interface EntryAnswer {
  readonly standings: readonly Standing[]
  readonly before: readonly Standing[]
  readonly repeated: boolean
  readonly numbers: EditAnswer
  readonly texts: readonly string[] | undefined
}

const NO_NUMBERS: readonly number[] = []

const NOTHING: EntryAnswer = { standings: [], before: [], repeated: false, numbers: NO_NUMBERS, texts: undefined }

class RemoteStore implements Store {
  readonly url: string
  readonly prefix: string | undefined
  readonly #connection: Connection
  readonly #runner: Runner
  readonly #names: BucketNames
  readonly #denials: Denials | undefined
  #remembered = 0
  readonly #clock: (() => number) | undefined
  /** How far the server's clock is ahead of this process's: it is told at every answer. */
  #ahead = 0
  readonly #commands = new Commands(() => Date.now() + this.#ahead)
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
    const remembered = this.#denials?.recall(asks)
    if (remembered === undefined) return this.#run('take', asks)
    this.#remembered += 1
    return remembered
  }

  stats(): StoreStats {
    return { rememberedDenials: this.#remembered, roundTrips: this.#runner.calls }
  }

  async consumeOnce(asks: readonly Ask[], once: Once): Promise<OnceAnswer<Standing>> {
    if (asks.length > 1) refuseTwins(asks)
    const [group, ...others] = this.#bySlot(asks)
    if (group === undefined || others.length > 0) throw new RangeError('A take that counts once needs one key.')
    return this.#ask('take', group, this.#wishesOf(asks, once))
  }

  /** Where the id is kept, and as what: buckets of another sort have not counted it. */
  #wishesOf(asks: readonly Ask[], { scope, id, keepMs }: Once): Wishes {
    const text = [id, ...asks.map(({ policy }) => policy.address)].join('\0')
    return {
      once: { id: idNumbers(text).join('-'), keepMs },
      names: this.#names.once(scope, asks[0]?.key ?? ''),
    }
  }

  peek(asks: readonly Ask[]): Promise<readonly Standing[]> {
    return this.#run('look', asks)
  }

  async edit(change: Edit): Promise<EditAnswer> {
    const keys = [change.key]
    if (change.verb !== 'past') this.#forget(keys)
    try {
      const { numbers } = await this.#ask(change.verb, { slot: this.#slotOf(change.key), asks: [change] })
      return numbers
    } finally {
      if (change.verb !== 'past') this.#forget(keys)
    }
  }

  refund(returns: readonly Return[], once?: Once): Promise<readonly number[]> {
    return once === undefined && returns.every(isLease) ? this.#release(returns) : this.#giveBack(returns, once)
  }

  /** Of slots, nothing is remembered that could become wrong. */
  async #release(returns: readonly Return[]): Promise<readonly number[]> {
    const groups = this.#bySlot(returns)
    const [only] = groups
    if (only !== undefined && groups.length === 1) await this.#ask('give', only)
    else await Promise.all(groups.map((group) => this.#ask('give', group)))
    return NO_NUMBERS
  }

  async #giveBack(returns: readonly Return[], once: Once | undefined): Promise<readonly number[]> {
    const keys = returns.map(({ key }) => key)
    const wishes = once === undefined ? NO_WISHES : this.#wishesOf(returns, once)
    this.#forget(keys)
    try {
      const groups = this.#bySlot(returns)
      const answers = await Promise.all(groups.map((group) => this.#ask('give', group, wishes)))
      const over = new Map(groups.flatMap(({ asks }, g) => asks.map((ask, i) => [ask, answers[g]?.numbers[i] ?? 0])))
      return returns.map((back) => over.get(back) ?? 0)
    } finally {
      this.#forget(keys)
    }
  }

  async readTexts(known: string): Promise<Texts> {
    const { texts } = await this.#askTexts('read', this.#commands.readTexts(known))
    if (texts === undefined) return { version: known, texts }
    const byName = new Map(
      texts.flatMap((name, i): [string, string][] => (i % 2 === 0 ? [[name, texts[i + 1] ?? '']] : [])),
    )
    const version = byName.get('version') ?? ''
    const isPartial = byName.has('partial')
    const entries = [...byName].flatMap(([name, text]): [string, string | undefined][] =>
      name.startsWith('t') || name.startsWith('b') ? [[name.slice(1), text.replace(/^t[\d.]+ /, '') || undefined]] : [],
    )
    return { version, texts: new Map(entries), isPartial }
  }

  async writeText(entry: TextEntry): Promise<boolean> {
    const { numbers } = await this.#askTexts('write', this.#commands.writeText(entry, this.#clock?.()))
    return numbers[0] === 1
  }

  /** Apart from the batches: nobody waits for it. */
  async addCounts(additions: readonly Counts[]): Promise<void> {
    const args = additions.flatMap(({ keepMs, most, rows }) => [
      ...[Math.ceil(keepMs / 1_000), most, rows.size].map(String),
      ...[...rows].flatMap(([row, number]) => [row, String(number)]),
    ])
    const names = additions.map(({ table }) => this.#names.counts(table))
    await this.#orFail(() => this.#runner.run(ADD_COUNTS, names, args))
  }

  async readCounts(tables: readonly string[]): Promise<readonly ReadonlyMap<string, number>[]> {
    const names = tables.map((table) => this.#names.counts(table))
    const found: (number | string)[] = []
    await this.#orFail(async () => found.push(...(await this.#runner.run(READ_COUNTS, names, [])).slice(2)))
    let at = 0
    return tables.map(() => {
      const rows = new Map<string, number>()
      const end = at + 1 + Number(found[at] ?? 0)
      for (at += 1; at < end; at += 2) rows.set(String(found[at]), Number(found[at + 1]))
      return rows
    })
  }

  #askTexts(verb: 'read' | 'write', command: string): Promise<EntryAnswer> {
    const { names, tag } = this.#names.texts
    const slot = this.#connection.slotOf?.(tag) ?? 0
    return this.#ask(verb, { slot, asks: [] }, { names, command })
  }

  /** In one call, or for each thousand one, one after the other: a script holds the server while it runs. */
  async renew(renewals: readonly Renewal[]): Promise<readonly boolean[]> {
    let left = this.#bySlot(renewals)
    const held = new Map<Renewal, boolean>()
    while (left.length > 0) {
      await Promise.all(left.map(({ slot, asks }) => this.#renewSome(slot, asks.slice(0, MOST_RENEWALS), held)))
      left = left.flatMap(({ slot, asks }) =>
        asks.length > MOST_RENEWALS ? [{ slot, asks: asks.slice(MOST_RENEWALS) }] : [],
      )
    }
    return renewals.map((one) => held.get(one) === true)
  }

  async #renewSome(slot: number, renewals: readonly Renewal[], held: Map<Renewal, boolean>): Promise<void> {
    const numbers = renewals.flatMap((one) => [one.lease, one.policy.lease?.ms ?? 0, one.cost, one.restore ? 1 : 0])
    const names = renewals.map(({ policy, key }) => this.#names.of(policy, key))
    const command = this.#commands.renew(this.#clock?.())
    const wishes = { names, command, numbers: [renewals.length, ...numbers] }
    const answer = await this.#ask('renew', { slot, asks: [] }, wishes)
    for (const [i, one] of renewals.entries()) held.set(one, answer.numbers[i] === 1)
  }

  async reset(policies: readonly Policy[], keys: readonly string[], scope?: string): Promise<void> {
    this.#batches.flush()
    const buckets = policies.flatMap((policy) => keys.map((key) => this.#names.of(policy, key)))
    const ids = scope === undefined ? [] : keys.flatMap((key) => this.#names.once(scope, key))
    const names = [...buckets, ...ids]
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

  masked(key: string): string {
    return this.#names.hides ? this.#names.tagOf(key) : key
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
    if (groups.length === 1) {
      return new Promise((resolve, reject) => {
        this.#enqueue(verb, only, NO_WISHES, ({ standings }) => resolve(standings), reject)
      })
    }
    const ask = (how: Verb, group: SlotGroup<Ask>) => this.#ask(how, group, { wantsBefore: true })
    return askAcross(verb, groups, ask, (returns) => this.refund(returns)).then((standings) =>
      asks.flatMap((ask) => standings.get(ask) ?? []),
    )
  }

  #ask(verb: Verb, group: SlotGroup<Ask | Return | Edit>, wishes: Wishes = NO_WISHES): Promise<EntryAnswer> {
    return new Promise((resolve, reject) => this.#enqueue(verb, group, wishes, resolve, reject))
  }

  #enqueue(
    verb: Verb,
    { slot, asks }: SlotGroup<Ask | Return | Edit>,
    { wantsBefore = false, once, command, names: more, numbers = leasesOf(verb, asks) }: Wishes,
    resolve: Entry['resolve'],
    reject: Entry['reject'],
  ): void {
    const names = asks.map(({ policy, key }) => this.#names.of(policy, key))
    if (more !== undefined) names.push(...more)
    const [now, changes] = [this.#clock?.(), this.#changes]
    const again = false
    this.#add({ verb, slot, asks, names, now, changes, numbers, wantsBefore, once, command, again, resolve, reject })
  }

  #add(entry: Entry): void {
    const { slot, names, numbers } = entry
    const command = entry.command ?? this.#commandOf(entry)
    this.#batches.add(slot, command, names, numbers, entry)
  }

  #commandOf({ verb, asks, once, now }: Entry): string {
    return once === undefined ? this.#commands.of(verb, asks, now) : this.#commands.once(verb, asks, once, now)
  }

  /** Never rejects, nor throws: what stands in the way of one entry stands in the way of all. */
  async #send({ entries, names, order, numbers, commands }: Batch<Entry>): Promise<void> {
    try {
      const reply = await this.#runner.run(scriptOf(entries), names, [order, numbers.join(' '), ...commands])
      this.#settle(entries, reply)
    } catch (cause) {
      const failure = this.#failure(cause)
      for (const { reject } of entries) reject(failure)
    }
  }

  #settle(entries: readonly Entry[], reply: Reply): void {
    const buckets = new Buckets(reply)
    const clock = Number(reply[0])
    if (!Number.isSafeInteger(clock)) throw new StoreError('an answer without a clock')
    this.#ahead = clock - Date.now()
    for (const [i, entry] of entries.entries()) {
      const verdict = verdictOf(reply, i)
      if (entry.verb === 'read') this.#settleTexts(entry, buckets.texts())
      else if (entry.verb === 'renew') {
        const held = entry.names.map(() => Number(buckets.number()))
        entry.resolve({ ...NOTHING, numbers: held })
      } else if (entry.verb === 'write') this.#settleOne(entry, [], verdict, [asNumbers(buckets.number())], clock)
      else if (isEdit(entry.verb)) this.#settleOne(entry, entry.asks, verdict, [buckets.all()], clock)
      else if (entry.verb === 'give')
        this.#settleGive(
          entry,
          verdict,
          entry.asks.map(() => buckets.number()),
        )
      else if (entry.once !== undefined) this.#settleOnce(entry, verdict, buckets)
      else {
        const now = entry.now ?? clock
        const found = entry.asks.map(({ policy }) => buckets.next(policy, now))
        this.#settleOne(entry, entry.asks, verdict, found, now)
      }
    }
  }

  #settleGive(entry: Entry, verdict: Verdict, over: readonly (number | string)[]): void {
    const faults = over.map((said) => (typeof said === 'string' ? said : ''))
    if (verdict !== 'unusable') entry.resolve({ ...NOTHING, numbers: over.map(Number) })
    else this.#refused(entry, faults)
  }

  /** Asked once more where only this process's clock was wrong. */
  #refused(entry: Entry, found: readonly (readonly number[] | string)[]): void {
    if (found.includes(OTHER_PERIOD) && !entry.again) this.#add({ ...entry, again: true })
    else entry.reject(this.#unusable(found, entry))
  }

  #settleTexts(entry: Entry, texts: string[] | undefined | string): void {
    if (typeof texts === 'string') entry.reject(this.#unusable([texts], entry))
    else entry.resolve({ ...NOTHING, texts })
  }

  /** It may be answered as one before it was, which may have had another cost, or been on another plan. */
  #settleOnce(entry: Entry, verdict: Verdict, buckets: Buckets): void {
    const now = buckets.number()
    if (typeof now === 'string') {
      entry.reject(this.#unusable([now], entry))
      return
    }
    const asks = entry.asks.map(({ policy, key }) => {
      const [cost, quota, capacity] = [buckets.number(), buckets.number(), buckets.number()].map(Number)
      return { policy: onPlan(policy, quota ?? 0, capacity ?? 0), key, cost: cost ?? 0 }
    })
    const found = asks.map(({ policy }) => buckets.next(policy, now))
    this.#settleOne(entry, asks, verdict, found, now)
  }

  #settleOne(
    entry: Entry,
    asks: readonly Ask[],
    verdict: Verdict,
    found: readonly (number[] | string)[],
    now: number,
  ): void {
    if (verdict === 'unusable' || !found.every(areCells)) this.#refused(entry, found)
    else if (isEdit(entry.verb) || entry.verb === 'write') entry.resolve({ ...NOTHING, numbers: found[0] ?? [] })
    else this.#decided(entry, asks, verdict, found, now)
  }

  /** Which of the buckets that were looked for is at fault, and why. */
  #unusable(found: readonly (readonly number[] | string)[], { names }: Entry): StoreError {
    const fault = found.findIndex((cells) => typeof cells === 'string' && cells !== '')
    const bucket = names[fault]
    if (fault < 0 || bucket === undefined) return new StoreError(`${this.url} gave an answer that cannot be read.`)
    return new StoreError(`The bucket ${bucket} in ${this.url} cannot be used: ${found[fault]}.`, { bucket })
  }

  #decided(entry: Entry, asks: readonly Ask[], verdict: Verdict, cells: readonly number[][], now: number): void {
    const { verb } = entry
    const repeated = verdict === 'repeated'
    const allowed = repeated || verdict === 'allowed'
    const commit = allowed && verb === 'take'
    const before = entry.wantsBefore ? asks.map((ask, i) => standingOf(ask, [...(cells[i] ?? [])], now, false)) : []
    const decided = asks.map((ask, i) => standingOf(ask, cells[i] ?? [], now, commit))
    // What was counted then was allowed then, whatever its limit has become since.
    const standings = repeated ? decided.map(asAllowed) : decided
    if (admits(standings) !== allowed) {
      entry.reject(new StoreError(`${this.url} decided by another version of Sluice's script.`))
      return
    }
    if (verb === 'take' && !repeated) this.#noteDenial(entry, allowed, cells, now)
    entry.resolve({ standings, before, repeated, numbers: NO_NUMBERS, texts: undefined })
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

/** The script that has all that these entries need. */
function scriptOf(entries: readonly Entry[]): string {
  const algorithms = new Set<AlgorithmName>()
  const extras = { once: false, edits: false, texts: false, renewals: false }
  for (const { asks, verb, once, command } of entries) {
    for (const { policy } of asks) algorithms.add(policy.algorithm)
    if (once !== undefined) extras.once = true
    if (verb === 'renew') {
      extras.renewals = true
      algorithms.add('concurrency')
    } else if (command !== undefined) extras.texts = true
    if (isEdit(verb)) extras.edits = true
  }
  return scriptFor(algorithms, extras)
}

/** What an entry needs beyond its verb and its asks. */
interface Wishes {
  readonly wantsBefore?: boolean
  readonly once?: OnceArgs | undefined
  readonly command?: string | undefined
  readonly names?: readonly string[] | undefined
  readonly numbers?: readonly number[] | undefined
}

const NO_WISHES: Wishes = {}

function isLease({ lease }: Return): boolean {
  return lease !== undefined
}

/** The numbers of the leases that these asks take or give back. */
function leasesOf(verb: Verb, asks: readonly Ask[]): readonly number[] {
  if (verb !== 'take' && verb !== 'give') return NO_NUMBERS
  let numbers = NO_NUMBERS
  for (const { lease } of asks) if (lease !== undefined) numbers = [...numbers, lease]
  return numbers
}

/** Leases that are renewed in one call at the most. */
const MOST_RENEWALS = 1_000

/** What a twin says of a period that did not come along: this process's clock is far from the server's. */
const OTHER_PERIOD = 'calendar'

function asAllowed(standing: Standing): Standing {
  if (standing.allowed) return standing
  return Standing.like(standing, { allowed: true, retryAfterMs: 0 })
}

/** The policy as it was when this was its quota, and its capacity: that of a soft one that owes is told as less than 0. */
function onPlan(policy: Policy, quota: number, told: number): Policy {
  const capacity = Math.abs(told)
  const soft = policy.calendar === undefined ? told < 0 : capacity === Number.MAX_SAFE_INTEGER
  if (policy.quota === quota && policy.capacity === capacity && policy.soft === soft) return policy
  const plan = { ...policy, quota, capacity, soft }
  if (policy.calendar === undefined) return { ...plan, maxDebt: largestDebt(plan) }
  return { ...plan, overage: soft ? 0 : capacity - quota }
}

function asNumbers(said: number | string): number[] | string {
  return typeof said === 'number' ? [said] : said
}

function isEdit(verb: Verb): verb is Edit['verb'] {
  return verb === 'grant' || verb === 'revoke' || verb === 'past'
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
