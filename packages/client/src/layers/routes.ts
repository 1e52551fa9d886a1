const MOST_ROUTES = 1_000

/** Which limits the routes of a key have reported: a route's own limit does not hold the others. */
export class Routes {
  readonly #limits = new Map<string, ReadonlySet<string>>()
  /** How many routes have reported a limit. */
  readonly #counts = new Map<string, number>()
  /** The last set, which most routes share. */
  #last: ReadonlySet<string> = new Set()

  get size(): number {
    return this.#limits.size
  }

  /** Whether all routes have reported the same limits. */
  get areAlike(): boolean {
    for (const count of this.#counts.values()) if (count < this.#limits.size) return false
    return true
  }

  knows(route: string): boolean {
    return this.#limits.has(route)
  }

  note(route: string, limits: readonly { readonly name: string }[]): void {
    const before = this.#limits.get(route)
    const now = this.#setOf(limits)
    if (before === now) return
    if (before === undefined && this.#limits.size >= MOST_ROUTES) this.#clear()
    for (const name of before ?? []) this.#count(name, -1)
    for (const name of now) this.#count(name, 1)
    this.#limits.set(route, now)
  }

  /** Whether a limit holds for a route: it has reported it, or, where it is not known yet, all others have. */
  holds(limit: string, route: string | undefined): boolean {
    const limits = route === undefined ? undefined : this.#limits.get(route)
    return limits === undefined ? this.isEverywhere(limit) : limits.has(limit)
  }

  isEverywhere(limit: string): boolean {
    return (this.#counts.get(limit) ?? 0) >= this.#limits.size
  }

  #setOf(limits: readonly { readonly name: string }[]): ReadonlySet<string> {
    const isSame = limits.length === this.#last.size && limits.every(({ name }) => this.#last.has(name))
    if (!isSame) this.#last = new Set(limits.map(({ name }) => name))
    return this.#last
  }

  #count(name: string, by: number): void {
    const count = (this.#counts.get(name) ?? 0) + by
    if (count === 0) this.#counts.delete(name)
    else this.#counts.set(name, count)
  }

  #clear(): void {
    this.#limits.clear()
    this.#counts.clear()
  }
}
