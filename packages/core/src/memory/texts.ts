import type { TextEntry, Texts } from '../stores/store.js'

const MOST_TEXTS = 10_000

/** The texts of a store in this process. */
export class MemoryTexts {
  readonly #clock: () => number
  readonly #entries = new Map<string, TextEntry>()
  #unchanged: Texts = { version: '0', texts: undefined }

  constructor(clock: () => number) {
    this.#clock = clock
  }

  read(known: string): Texts {
    const { version } = this.#unchanged
    if (known === version) return this.#unchanged
    const texts = new Map<string, string>()
    for (const [name, { text }] of this.#entries) if (text !== undefined) texts.set(name, text)
    return { version, texts }
  }

  write(entry: TextEntry): boolean {
    const now = this.#clock()
    for (const [name, { expiresAt }] of this.#entries) if (expiresAt <= now) this.#entries.delete(name)
    if (entry.text === undefined) this.#entries.delete(entry.name)
    else if (this.#entries.size >= MOST_TEXTS && !this.#entries.has(entry.name)) return false
    else this.#entries.set(entry.name, entry)
    this.#change()
    return true
  }

  clear(): void {
    this.#entries.clear()
    this.#change()
  }

  #change(): void {
    this.#unchanged = { version: String(Number(this.#unchanged.version) + 1), texts: undefined }
  }
}
