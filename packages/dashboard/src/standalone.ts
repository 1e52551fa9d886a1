import type { Store } from '@sluice/core'
import { type ObservedLimit, restoredLimit } from '@sluice/core/observe'
import { publishedTable } from './history/recorder.js'
import type { Sources } from './sources.js'

/** How often it is looked what limits the servers have. */
const EVERY_MS = 5_000

/** The limits of servers elsewhere, as they have published them in the store that they share. */
export class StoreSources implements Sources {
  readonly observables = [] as const
  readonly clients = [] as const
  readonly #store: Store
  readonly #byText = new Map<string, ObservedLimit>()
  #isDegraded = false
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** Reads them now, and again every five seconds. Rejects where the store cannot be read. */
  async begin(): Promise<void> {
    await this.#read()
    this.#timer = setInterval(() => {
      this.#read().catch(() => {
        this.#isDegraded = true
      })
    }, EVERY_MS)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  stores(): ReturnType<Sources['stores']> {
    const { url = 'memory', prefix = null } = this.#store
    return [{ url, prefix: prefix ?? null, isDegraded: this.#isDegraded }]
  }

  /** Of a limit that servers have in different versions, the one that was read last. */
  limits(): readonly ObservedLimit[] {
    return [...new Map(Array.from(this.#byText.values(), (limit) => [limit.name, limit])).values()]
  }

  async #read(): Promise<void> {
    const minute = Math.floor(Date.now() / 60_000)
    const found = (await this.#store.readCounts?.([publishedTable(minute - 5), publishedTable(minute)])) ?? []
    const texts = new Set(found.flatMap((rows) => [...rows.keys()]))
    for (const text of this.#byText.keys()) if (!texts.has(text)) this.#byText.delete(text)
    for (const text of texts) {
      if (this.#byText.has(text)) continue
      try {
        this.#byText.set(text, restoredLimit(text, this.#store))
      } catch {
        // A policy of a newer version, or a calendar that is not known here: its history is shown all the same.
      }
    }
    this.#isDegraded = false
  }
}
