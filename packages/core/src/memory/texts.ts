import type { TextEntry, Texts } from '../stores/store.js'

/** Texts of each kind, and changes that are remembered, at the most. */
const MOST_TEXTS = 10_000
const MOST_CHANGES = 1_000

/** The texts of a store in this process. */
export class MemoryTexts {
  readonly #clock: () => number
  readonly #entries: Readonly<Record<TextEntry['kind'], Map<string, TextEntry>>> = {
    override: new Map(),
    ban: new Map(),
  }
  /** The names that were changed last; the latest change has the number `#count`. */
  #changes: string[] = []
  #count = 0
  /** Every decision looks at it. */
  version = '0'

  constructor(clock: () => number) {
    this.#clock = clock
  }

  read(known: string): Texts {
    const { version } = this
    if (known === version) return { version, texts: undefined }
    const behind = this.#count - Number(known === '' ? Number.NaN : known)
    const isPartial = behind > 0 && behind <= this.#changes.length
    const texts = new Map<string, string | undefined>()
    if (isPartial) for (const name of this.#changes.slice(-behind)) texts.set(name, this.#textOf(name))
    else for (const entries of this.#kinds) for (const [name, { text }] of entries) texts.set(name, text)
    return { version, texts, isPartial }
  }

  write(entry: TextEntry): boolean {
    const now = this.#clock()
    const entries = this.#entries[entry.kind]
    const known = entries.get(entry.name)
    if (entry.text === undefined) entries.delete(entry.name)
    else if (entry.holdsUntil !== undefined && (known?.holdsUntil ?? 0) >= entry.holdsUntil) return true
    else if (known === undefined && entries.size >= MOST_TEXTS && !this.#makeRoom(entries, now)) return false
    else entries.set(entry.name, entry)
    this.#change()
    if (this.#changes.push(entry.name) > 2 * MOST_CHANGES) this.#changes = this.#changes.slice(-MOST_CHANGES)
    return true
  }

  clear(): void {
    for (const entries of this.#kinds) entries.clear()
    this.#changes = []
    this.#change()
  }

  #change(): void {
    this.#count += 1
    this.version = String(this.#count)
  }

  get #kinds(): readonly Map<string, TextEntry>[] {
    return Object.values(this.#entries)
  }

  #textOf(name: string): string | undefined {
    return this.#entries.override.get(name)?.text ?? this.#entries.ban.get(name)?.text
  }

  /** Forgets what has expired, and answers with whether there was anything. */
  #makeRoom(entries: Map<string, TextEntry>, now: number): boolean {
    for (const [name, { expiresAt }] of entries) if (expiresAt <= now) entries.delete(name)
    return entries.size < MOST_TEXTS
  }
}
