import type { Store } from '@sluice/core'
import { addCounts, readCounts } from './history/counts.js'

/** What somebody changed. */
export interface AuditEntry {
  /** Unix milliseconds. */
  readonly at: number
  readonly who: string
  readonly action: string
  readonly limit: string
  readonly key: string
  /** How it stood before and after, as far as that can be said in a line. */
  readonly before: string
  readonly after: string
}

const KEEP_MS = 92 * 86_400_000
/** Actions of a day at the most. */
const MOST = 5_000

/** Days that are looked back on. */
const DAYS = 31

const DAY_MS = 86_400_000

/** The actions of the last days, in the store, so that every server has them. */
export class AuditLog {
  readonly #store: Store
  /** Where the store keeps none. */
  readonly #own: AuditEntry[] = []

  constructor(store: Store) {
    this.#store = store
  }

  async add(entry: AuditEntry): Promise<void> {
    this.#own.push(entry)
    if (this.#own.length > 200) this.#own.shift()
    const { at, ...rest } = { ...entry, key: this.#store.masked?.(entry.key) ?? entry.key }
    // Two that are alike in one millisecond are one.
    const row = JSON.stringify([at, rest])
    await addCounts(this.#store, [{ table: tableOf(at), keepMs: KEEP_MS, most: MOST, rows: new Map([[row, 1]]) }])
  }

  /** The latest first. */
  async read(most: number): Promise<readonly AuditEntry[]> {
    if (this.#store.readCounts === undefined) return this.#own.slice(-most).reverse()
    const now = Date.now()
    const days = Array.from({ length: DAYS }, (_, i) => tableOf(now - i * DAY_MS))
    const found = await readCounts(this.#store, days)
    return found
      .flatMap((rows) => [...rows.keys()])
      .map((row) => JSON.parse(row) as [number, Omit<AuditEntry, 'at'>])
      .map(([at, rest]) => ({ at, ...rest }))
      .sort((a, b) => b.at - a.at)
      .slice(0, most)
  }
}

function tableOf(ms: number): string {
  return `a:${new Date(ms).toISOString().slice(0, 10)}`
}
