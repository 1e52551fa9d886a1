import type { Counts } from '../stores/store.js'

interface Table {
  readonly rows: Map<string, number>
  expiresAt: number
}

/** Tables beyond this number go, the oldest first. */
const MOST_TABLES = 1_000

/** The tables of counts of a store in this process. */
export class MemoryCounts {
  readonly #clock: () => number
  readonly #tables = new Map<string, Table>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  add(additions: readonly Counts[]): void {
    const now = this.#clock()
    for (const [name, { expiresAt }] of this.#tables) if (expiresAt <= now) this.#tables.delete(name)
    for (const { table: name, keepMs, most, rows } of additions) {
      const table = this.#tables.get(name) ?? { rows: new Map(), expiresAt: 0 }
      table.expiresAt = now + keepMs
      for (const [row, number] of rows) {
        const known = table.rows.get(row)
        if (known !== undefined || table.rows.size < most) table.rows.set(row, (known ?? 0) + number)
      }
      if (!this.#tables.has(name)) this.#makeRoom()
      this.#tables.set(name, table)
    }
  }

  read(tables: readonly string[]): readonly ReadonlyMap<string, number>[] {
    const now = this.#clock()
    return tables.map((name) => {
      const table = this.#tables.get(name)
      return new Map(table !== undefined && table.expiresAt > now ? table.rows : [])
    })
  }

  clear(): void {
    this.#tables.clear()
  }

  #makeRoom(): void {
    if (this.#tables.size < MOST_TABLES) return
    for (const oldest of this.#tables.keys()) {
      this.#tables.delete(oldest)
      return
    }
  }
}
