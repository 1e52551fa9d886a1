import type { Override } from '../decisions/override.js'
import { ConfigError, describe, isStoreError } from '../errors.js'
import type { Failover } from '../failover/failover.js'
import { isThenable } from '../runtime/thenable.js'
import type { Texts } from '../stores/store.js'

/** What is read is used for so long, while decisions go on; then it is read again beside them. */
const READ_AGAIN_MS = 400

/** Read so long ago, it is read again before anything is decided. */
const STALE_MS = 900

/** The overrides of one limit. */
interface OfLimit {
  readonly byKey: Map<string, Override>
  /** The longest first. */
  readonly byPrefix: Override[]
}

const NONE: OfLimit = { byKey: new Map(), byPrefix: [] }

/** The overrides of all limits on one store. Others may change them at any time: what is used is never older than a second. */
export class Overrides {
  readonly #failover: Failover
  #version = ''
  #limits: ReadonlyMap<string, OfLimit> = new Map()
  /** When they were read last; `Infinity` where nobody else can change them. */
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined

  constructor(failover: Failover) {
    this.#failover = failover
  }

  /** Whether any limit has an override. */
  get isEmpty(): boolean {
    return this.#limits.size === 0
  }

  /** Changes whenever they do. */
  get version(): string {
    return this.#version
  }

  /** Reads them again where that is due. A promise where what is known is too old to decide by; it does not reject. */
  read(timeoutMs: number): Promise<void> | undefined {
    if (this.#readAt === Number.POSITIVE_INFINITY) return undefined
    const age = performance.now() - this.#readAt
    if (age < READ_AGAIN_MS) return undefined
    this.#reading ??= this.#readNow(timeoutMs)
    return age < STALE_MS ? undefined : this.#reading
  }

  /** What holds for a key of a limit, if anything but the limit's own policies does. */
  find(limit: string, key: string): Override | undefined {
    const known = this.#limits.get(limit)
    if (known === undefined) return undefined
    const exact = known.byKey.get(key)
    if (exact !== undefined && isCurrent(exact)) return exact
    return known.byPrefix.find((one) => key.startsWith(one.key.slice(0, -1)) && isCurrent(one))
  }

  /** Those of a limit that have not expired, as the store has them now. */
  async list(limit: string, timeoutMs: number): Promise<readonly Override[]> {
    await this.#refresh(timeoutMs)
    const { byKey, byPrefix } = this.#limits.get(limit) ?? NONE
    return [...byKey.values(), ...byPrefix].filter(isCurrent)
  }

  /**
   * Sets what holds for a key, or with `undefined` that nothing does.
   * @throws {RangeError} where there are too many; as a rejection, like a `StoreError` where the store does not answer in time.
   */
  async set(limit: string, key: string, override: Override | undefined, timeoutMs: number): Promise<void> {
    const name = JSON.stringify([limit, key])
    const text = override === undefined ? undefined : JSON.stringify(override)
    const expiresAt = override?.expiresAt ?? Number.POSITIVE_INFINITY
    const kept = await this.#failover.inTime(this.#failover.store.writeText({ name, text, expiresAt }), timeoutMs)
    if (!kept) throw new RangeError('A store has at most 10,000 overrides. Use a key that ends in *, or a plan.')
    await this.#refresh(timeoutMs)
  }

  /** Reads them now, whatever their age. */
  async #refresh(timeoutMs: number): Promise<void> {
    this.#keep(await this.#failover.inTime(this.#failover.store.readTexts(this.#version), timeoutMs))
  }

  #readNow(timeoutMs: number): Promise<void> | undefined {
    try {
      const answer = this.#failover.store.readTexts(this.#version)
      if (isThenable(answer)) return this.#readLater(answer, timeoutMs)
      this.#keep(answer)
      this.#readAt = Number.POSITIVE_INFINITY
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

  #keep({ version, texts }: Texts): void {
    if (texts === undefined) return
    const limits = new Map<string, OfLimit>()
    for (const [name, text] of texts) {
      try {
        const [limit] = JSON.parse(name) as [string]
        add(limits, limit, JSON.parse(text) as Override)
      } catch (error) {
        this.#failover.report(new ConfigError(`An override in the store cannot be read: ${describe(error)}`))
      }
    }
    for (const { byPrefix } of limits.values()) byPrefix.sort((a, b) => b.key.length - a.key.length)
    this.#limits = limits
    this.#version = version
  }
}

function add(limits: Map<string, OfLimit>, limit: string, override: Override): void {
  const known: OfLimit = limits.get(limit) ?? { byKey: new Map(), byPrefix: [] }
  limits.set(limit, known)
  if (override.key.endsWith('*')) known.byPrefix.push(override)
  else known.byKey.set(override.key, override)
}

function isCurrent({ expiresAt }: Override): boolean {
  return expiresAt === null || expiresAt > Date.now()
}

const known = new WeakMap<Failover, Overrides>()

/** All limits on a store share what is known of its overrides. */
export function overridesOf(failover: Failover): Overrides {
  let overrides = known.get(failover)
  if (overrides === undefined) {
    overrides = new Overrides(failover)
    known.set(failover, overrides)
  }
  return overrides
}
