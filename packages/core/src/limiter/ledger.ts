import type { Decision } from '../decisions/decision.js'
import { ConfigError, describe, shown } from '../errors.js'
import { Complaints } from '../failover/complaints.js'
import { checkOptions, checkWhole } from '../options.js'
import type { Unit } from '../policies/amount.js'
import type { Policy } from '../policies/policy.js'
import { warn } from '../runtime/builtin.js'
import { Emitter, type Listener } from '../runtime/emitter.js'

/** What a key used of a quota in one period, since the record before: to be added up. */
export interface LedgerRecord {
  /** The same record has the same id, however often it is delivered. */
  readonly id: string
  readonly limit: string
  /** The quota's name, as clients see it. */
  readonly policy: string
  readonly key: string
  /** The plan that it was used on, where the limit has plans. */
  readonly plan: string | undefined
  readonly unit: Unit
  /** Unix milliseconds; `end` is `Infinity` for a lifetime. */
  readonly period: { readonly start: number; readonly end: number }
  /** Units that were used; below 0 where more was given back than used. */
  readonly units: number
  /** Of these, the units that were over the quota. */
  readonly over: number
}

export interface LedgerOptions {
  /**
   * Keeps records. Where it rejects, the same records come again, after longer and longer waits: at least once, so keep
   * each id once.
   */
  readonly write: (records: readonly LedgerRecord[]) => Promise<unknown>
  /** Milliseconds between two deliveries; defaults to 5,000. A process that is killed loses what it used since the last. */
  readonly everyMs?: number | undefined
  /** Records held at the most while they cannot be delivered; defaults to 100,000. What comes then is dropped, and reported. */
  readonly maxRecords?: number | undefined
}

export interface LedgerEvents {
  /** Records could not be written; they are tried again after so many milliseconds. */
  failed: { readonly error: unknown; readonly records: number; readonly retryAfterMs: number }
  /** Usage was dropped, for want of room or at the end: so many units, and in all since the start. */
  dropped: { readonly units: number; readonly total: number }
}

/** Usage on its way to a database. */
export interface Ledger {
  /** Delivers what there is; resolves when it has been written, or could not be. */
  flush(): Promise<void>
  /** Delivers what there is, and stops. Called when the `sluice()` or the limiter that has it is closed. */
  close(): Promise<void>
  on<Name extends keyof LedgerEvents>(name: Name, listener: Listener<LedgerEvents[Name]>): () => void
}

/** Records written at a time. */
const BATCH = 500

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 60_000

/** At the end, a database that does not answer is not waited for any longer. */
const CLOSE_MS = 10_000

/**
 * Adds up what is used of calendar quotas, and delivers it in batches: to bill by. Give it to `sluice()` or `createLimiter`.
 * @example sluice({ ledger: ledger({ write: (records) => db.insert('usage', records) }) })
 * @throws {ConfigError} on an option that cannot be right.
 */
export function ledger(options: LedgerOptions): Ledger {
  checkOptions('ledger()', options, ['write', 'everyMs', 'maxRecords'])
  const { write, everyMs = 5_000, maxRecords = 100_000 } = options
  if (typeof write !== 'function') {
    throw new ConfigError(`ledger(): write: expected a function that keeps records, got ${shown(write)}.`)
  }
  return new UsageLedger(
    write,
    checkWhole('everyMs', everyMs, 10, 3_600_000),
    checkWhole('maxRecords', maxRecords, 1, 10_000_000),
  )
}

/** A ledger that is used from now on. @throws {ConfigError} on what `ledger()` did not make. */
export function checkLedger(given: unknown): UsageLedger | undefined {
  if (given === undefined) return undefined
  // Or one of another copy of this module.
  if (typeof given === 'object' && given !== null && 'record' in given && 'giveBack' in given)
    return given as UsageLedger
  throw new ConfigError(`ledger: expected what ledger({ write }) returns, got ${shown(given)}.`)
}

interface Open extends Omit<LedgerRecord, 'units' | 'over'> {
  units: number
  over: number
}

export class UsageLedger implements Ledger {
  readonly #write: LedgerOptions['write']
  readonly #everyMs: number
  readonly #maxRecords: number
  readonly #complaints = new Complaints()
  readonly #events = new Emitter<LedgerEvents>(['failed', 'dropped'], (error) => this.#complain(error))
  /** Ids begin with it: no two processes have the same. */
  readonly #instance = crypto.randomUUID()
  #counter = 0
  /** Added up since the last delivery. */
  #open = new Map<string, Open>()
  /** On their way: in the order in which they were used. */
  #waiting: Open[] = []
  #dropped = 0
  #writing: Promise<void> | undefined
  #retryMs = FIRST_RETRY_MS
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false
  #users = 0

  constructor(write: LedgerOptions['write'], everyMs: number, maxRecords: number) {
    this.#write = write
    this.#everyMs = everyMs
    this.#maxRecords = maxRecords
  }

  on<Name extends keyof LedgerEvents>(name: Name, listener: Listener<LedgerEvents[Name]>): () => void {
    return this.#events.on(name, listener)
  }

  /** Notes what a decision took. */
  record(limit: string, { asks, standings, taken, override }: Decision): void {
    if (!taken || (override?.to === 'unlimited' && standings.length === 0)) return
    for (const [i, { policy, key, cost }] of asks.entries()) {
      const standing = standings[i]
      if (standing?.allowed === false) continue
      this.#add(limit, policy, key, cost, standing?.period?.overTaken ?? 0, standing?.period)
    }
  }

  /** Notes what was given back of a decision: by ask the units, and how many of them were over. */
  giveBack(limit: string, { asks, standings }: Decision, units: readonly number[], over: readonly number[]): void {
    for (const [i, { policy, key }] of asks.entries()) {
      this.#add(limit, policy, key, 0 - (units[i] ?? 0), 0 - (over[i] ?? 0), standings[i]?.period)
    }
  }

  /** Whoever has it is one of its users. */
  retain(): void {
    this.#users += 1
  }

  /** The last user that leaves closes it; the others deliver what there is. */
  release(): Promise<void> {
    this.#users -= 1
    return this.#users > 0 ? this.flush() : this.close()
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#turn()
    this.#writing ??= this.#deliver().then((next) => {
      this.#writing = undefined
      if (this.#waiting.length > 0 || this.#open.size > 0) this.#wake(next)
    })
    await this.#writing
  }

  async close(): Promise<void> {
    this.#closed = true
    let timer: ReturnType<typeof setTimeout> | undefined
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS)
    })
    // What was being written when it was closed may not have been all.
    await Promise.race([this.flush().then(() => this.flush()), enough])
    clearTimeout(timer)
    clearTimeout(this.#timer)
    const left = this.#waiting.splice(0).reduce((sum, { units }) => sum + Math.max(0, units), 0)
    if (left > 0) this.#drop(left)
  }

  #add(
    limit: string,
    policy: Policy,
    key: string,
    units: number,
    over: number,
    known: { readonly start: number; readonly end: number } | undefined,
  ): void {
    if (policy.calendar === undefined || policy.shadow || units === 0) return
    // Where nobody could decide, this process's clock says which period it is.
    const { start, end } = known ?? policy.calendar.periodAt(Date.now())
    const name = JSON.stringify([limit, policy.name, policy.plan, key, start])
    const open = this.#open.get(name)
    if (open !== undefined) {
      open.units += units
      open.over += over
      return
    }
    if (this.#closed || this.#open.size + this.#waiting.length >= this.#maxRecords) {
      // What was given back needs no room to be forgotten: the units it takes off are billed.
      if (units > 0) this.#drop(units)
      return
    }
    this.#counter += 1
    const id = `${this.#instance}-${this.#counter}`
    const { name: own, plan, unit } = policy
    this.#open.set(name, { id, limit, policy: own, key, plan, unit, period: { start, end }, units, over })
    this.#wake(this.#everyMs)
  }

  #wake(ms: number): void {
    if (this.#timer !== undefined || this.#writing !== undefined || this.#closed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.flush().catch((error) => this.#complain(error))
    }, ms)
    if (typeof this.#timer === 'object') this.#timer.unref()
  }

  /** What was added up so far goes on its way; what nothing is left of does not. */
  #turn(): void {
    for (const open of this.#open.values()) if (open.units !== 0 || open.over !== 0) this.#waiting.push(open)
    this.#open = new Map()
  }

  /** Batch by batch, until one cannot be written; then it says when to try again. Never rejects. */
  async #deliver(): Promise<number> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH)
      try {
        await this.#write(batch.map((record) => ({ ...record })))
        this.#waiting.splice(0, batch.length)
        this.#retryMs = FIRST_RETRY_MS
      } catch (error) {
        const next = this.#retryMs
        this.#retryMs = Math.min(2 * next, LAST_RETRY_MS)
        this.#failed(error, batch.length, next)
        return next
      }
    }
    return this.#everyMs
  }

  #failed(error: unknown, records: number, retryAfterMs: number): void {
    if (this.#events.heard.failed) this.#events.emit('failed', { error, records, retryAfterMs })
    else this.#complain(error)
  }

  #drop(units: number): void {
    this.#dropped += units
    const event = { units, total: this.#dropped }
    if (this.#events.heard.dropped) this.#events.emit('dropped', event)
    else if (this.#complaints.isNew('dropped')) {
      warn('SLUICE_LEDGER', `The ledger has dropped usage: ${this.#dropped} units were not recorded.`)
    }
  }

  #complain(error: unknown): void {
    if (!this.#complaints.isNew(error)) return
    warn('SLUICE_LEDGER', `The ledger could not write, and tries again: ${describe(error)}`)
  }
}
