import type { Ban, Override } from '../decisions/override.js'
import { ConfigError, describe, isStoreError } from '../errors.js'
import type { Failover } from '../failover/failover.js'
import { onePer } from '../runtime/one-per.js'
import { isThenable } from '../runtime/thenable.js'
import type { Store, TextEntry, Texts } from '../stores/store.js'

/** What is read is used for so long, while decisions go on; then it is read again beside them. */
const READ_AGAIN_MS = 400

/** Read so long ago, it is read again before anything is decided. */
const STALE_MS = 900

/** The overrides of one limit. */
interface OfLimit {
  readonly byKey: Map<string, Override>
  readonly byPrefix: Map<string, Override>
  readonly bans: Map<string, Override>
  /** The lengths of the prefixes, the longest first. */
  lengths: readonly number[]
}

const nothing = (): OfLimit => ({ byKey: new Map(), byPrefix: new Map(), bans: new Map(), lengths: [] })

/** The overrides and bans of all limits on one store. Others may change them at any time: what is used is never older than a second. */
export class Overrides {
  readonly #failover: Failover
  readonly #store: Store
  #version = ''
  #limits: Map<string, OfLimit> = new Map()
  #readAt = Number.NEGATIVE_INFINITY
  /** Whether the store tells at once whether anything has changed. */
  readonly isHere: boolean
  #reading: Promise<void> | undefined

  constructor(failover: Failover) {
    this.#failover = failover
    this.#store = failover.store
    this.isHere = tellsAtOnce(this.#store)
  }

  /** Whether it is certain, without asking, that there are none. */
  get areNone(): boolean {
    return this.isHere && this.#limits.size === 0 && this.#store.textsVersion === this.#version
  }

  /** Whether any limit has an override. */
  get isEmpty(): boolean {
    return this.#limits.size === 0
  }

  /** Reads them again where that is due. A promise where what is known is too old to decide by; it does not reject. */
  read(timeoutMs: number): Promise<void> | undefined {
    if (this.isHere && this.#store.textsVersion === this.#version) return undefined
    const age = this.isHere ? STALE_MS : performance.now() - this.#readAt
    if (age < READ_AGAIN_MS) return undefined
    this.#reading ??= this.#readNow(timeoutMs)
    return age < STALE_MS ? undefined : this.#reading
  }

  /** What holds for a key of a limit, if anything but the limit's own policies does. */
  find(limit: string, key: string): Override | undefined {
    const known = this.#limits.get(limit)
    if (known === undefined) return undefined
    const masked = this.#masked(key)
    const ban = known.bans.size === 0 ? undefined : known.bans.get(masked)
    if (ban !== undefined && isCurrent(ban)) return ban
    const exact = known.byKey.get(masked)
    if (exact !== undefined && isCurrent(exact)) return exact
    for (const length of known.lengths) {
      const one = length > key.length ? undefined : known.byPrefix.get(key.slice(0, length))
      if (one !== undefined && isCurrent(one)) return one
    }
    return undefined
  }

  /** Those of a limit that have not expired, as the store has them now. */
  async list(limit: string, timeoutMs: number): Promise<readonly Override[]> {
    await this.#refresh(timeoutMs)
    const { byKey, byPrefix } = this.#limits.get(limit) ?? nothing()
    return [...byKey.values(), ...byPrefix.values()].filter(isCurrent)
  }

  /** The bans of a limit that have not ended, as the store has them now. */
  async bans(limit: string, timeoutMs: number): Promise<readonly Ban[]> {
    await this.#refresh(timeoutMs)
    const { bans } = this.#limits.get(limit) ?? nothing()
    return [...bans.values()]
      .filter(isCurrent)
      .map(({ key, expiresAt, times = 0 }) => ({ key, until: expiresAt, times }))
  }

  /** The ban of a key, as far as is known; also one that has ended, as long as it makes the next one longer. */
  banOf(limit: string, key: string): Override | undefined {
    return this.#limits.get(limit)?.bans.get(this.#masked(key))
  }

  /**
   * Bans a key, unless it is banned for longer already; or lifts its ban.
   * @param keepMs for how long it is remembered after its end.
   * @throws {RangeError} where too many are banned; as a rejection, like a `StoreError` where the store does not answer in time.
   */
  async ban(
    limit: string,
    key: string,
    ban: Omit<Override, 'key'> | undefined,
    keepMs: number,
    timeoutMs: number,
  ): Promise<void> {
    const masked = this.#masked(key)
    const name = JSON.stringify([limit, masked, 'ban'])
    const text = ban === undefined ? undefined : JSON.stringify({ ...ban, key: masked })
    const holdsUntil = ban?.expiresAt ?? Number.POSITIVE_INFINITY
    const entry: TextEntry = { kind: 'ban', name, text, expiresAt: holdsUntil + keepMs, holdsUntil }
    const kept = await this.#failover.inTime(this.#store.writeText(entry), timeoutMs)
    if (!kept) throw new RangeError('A store has at most 10,000 bans. The limit goes on to deny this key without one.')
    await this.#refresh(timeoutMs)
  }

  /**
   * Sets what holds for a key, or with `undefined` that nothing does.
   * @throws {RangeError} where there are too many; as a rejection, like a `StoreError` where the store does not answer in time.
   */
  async set(limit: string, key: string, override: Override | undefined, timeoutMs: number): Promise<void> {
    const masked = this.#masked(key)
    if (key.endsWith('*') && masked !== key) {
      throw new ConfigError(
        'override(): this store keeps keys as hashes, of which none begins as its key does. Name whole keys.',
      )
    }
    const name = JSON.stringify([limit, masked])
    const text = override === undefined ? undefined : JSON.stringify({ ...override, key: masked })
    const expiresAt = override?.expiresAt ?? Number.POSITIVE_INFINITY
    const entry: TextEntry = { kind: 'override', name, text, expiresAt }
    const kept = await this.#failover.inTime(this.#store.writeText(entry), timeoutMs)
    if (!kept) throw new RangeError('A store has at most 10,000 overrides. Use a key that ends in *, or a plan.')
    await this.#refresh(timeoutMs)
  }

  /** As the store shows keys: where it hides them, their hash. */
  #masked(key: string): string {
    return this.#store.masked?.(key) ?? key
  }

  /** Reads them now, whatever their age. */
  async #refresh(timeoutMs: number): Promise<void> {
    this.#keep(await this.#failover.inTime(this.#store.readTexts(this.#version), timeoutMs))
  }

  #readNow(timeoutMs: number): Promise<void> | undefined {
    // A store of somebody's own that was written before there were overrides has none.
    if (typeof this.#store.readTexts !== 'function') {
      this.#readAt = Number.POSITIVE_INFINITY
      return undefined
    }
    try {
      const answer = this.#store.readTexts(this.#version)
      if (isThenable(answer)) return this.#readLater(answer, timeoutMs)
      this.#keep(answer)
      this.#readAt = performance.now()
    } catch (error) {
      this.#failed(error)
    }
    return undefined
  }

  async #readLater(answer: Promise<Texts>, timeoutMs: number): Promise<void> {
    const began = performance.now()
    try {
      this.#keep(await this.#failover.inTime(answer, timeoutMs))
      this.#readAt = began
    } catch (error) {
      this.#failed(error)
    }
    this.#reading = undefined
  }

  /** Of a store that does not answer, the decisions tell; of what stands where overrides should, they would not. */
  #failed(error: unknown): void {
    this.#readAt = performance.now()
    if (!isStoreError(error) || error.bucket !== undefined) this.#failover.report(error)
  }

  #keep({ version, texts, isPartial = false }: Texts): void {
    if (texts === undefined) return
    const limits = isPartial ? this.#limits : new Map<string, OfLimit>()
    for (const [name, text] of texts) {
      try {
        const [limit, key, kind] = JSON.parse(name) as [string, string, unknown]
        if (isPartial) remove(limits.get(limit), key, kind === 'ban')
        if (text !== undefined) add(limits, limit, JSON.parse(text) as Override)
        const known = limits.get(limit)
        if (known !== undefined && isEmpty(known)) limits.delete(limit)
      } catch (error) {
        this.#failover.report(new ConfigError(`An override in the store cannot be read: ${describe(error)}`))
      }
    }
    for (const known of limits.values()) {
      const lengths = new Set([...known.byPrefix.keys()].map(({ length }) => length))
      known.lengths = [...lengths].sort((a, b) => b - a)
      if (known.bans.size > MOST_BANS) forgetEnded(known.bans)
    }
    this.#limits = limits
    this.#version = version
  }
}

/** As many as a store keeps: beyond that, some have been forgotten there. */
const MOST_BANS = 10_000

function forgetEnded(bans: Map<string, Override>): void {
  for (const [key, ban] of bans) if (!isCurrent(ban)) bans.delete(key)
}

function add(limits: Map<string, OfLimit>, limit: string, override: Override): void {
  const { key, to } = override
  if (typeof key !== 'string' || !(Array.isArray(to) || SHORT.includes(to))) {
    throw new ConfigError('it says neither whose it is nor what holds.')
  }
  const known = limits.get(limit) ?? nothing()
  limits.set(limit, known)
  if (to === 'banned') known.bans.set(key, override)
  else if (key.endsWith('*')) known.byPrefix.set(key.slice(0, -1), override)
  else known.byKey.set(key, override)
}

function remove(known: OfLimit | undefined, key: string, isBan: boolean): void {
  if (isBan) known?.bans.delete(key)
  else if (key.endsWith('*')) known?.byPrefix.delete(key.slice(0, -1))
  else known?.byKey.delete(key)
}

function isEmpty({ byKey, byPrefix, bans }: OfLimit): boolean {
  return byKey.size === 0 && byPrefix.size === 0 && bans.size === 0
}

/** A store of somebody's own may inherit from one that tells, and not be one. */
function tellsAtOnce(store: Store): boolean {
  try {
    return store.textsVersion !== undefined
  } catch {
    return false
  }
}

const SHORT: readonly unknown[] = ['unlimited', 'blocked', 'banned']

function isCurrent({ expiresAt }: Override): boolean {
  return expiresAt === null || expiresAt > Date.now()
}

/** All limits on a store share what is known of its overrides. */
export const overridesOf: (failover: Failover) => Overrides = onePer((failover) => new Overrides(failover))
