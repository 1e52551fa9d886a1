import type { TextEntry, Texts } from '../stores/store.js'

const MOST_TEXTS = 10_000

/** The texts of a store in this process. */
export class MemoryTexts {
  readonly #clock: () => number
  readonly #entries = new Map<string, TextEntry>()
  version = '0'

  constructor(clock: () => number) {
    this.#clock = clock
  }

  read(known: string): Texts {
    const { version } = this
    if (known === version) return { version, texts: undefined }
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
    this.version = String(Number(this.version) + 1)
  }
}
