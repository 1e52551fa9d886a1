const MOST_ROUTES = 1_000

/** Which limits the routes of a key have reported: a route's own limit does not hold the others. */
export class Routes {
  readonly #limits = new Map<string, ReadonlySet<string>>()
  /** How many routes have reported a limit, and how many have reported any. */
  readonly #counts = new Map<string, number>()
  #limited = 0
  /** The last set, which most routes share. */
  #last: ReadonlySet<string> = new Set()

  /** Routes that have reported a limit. */
  get limited(): number {
    return this.#limited
  }

  /** Whether all of them have reported the same ones. */
  get areAlike(): boolean {
    for (const count of this.#counts.values()) if (count < this.#limited) return false
    return true
  }

  knows(route: string | undefined): boolean {
    return route !== undefined && this.#limits.has(route)
  }

  /** What a route reports in an answer that succeeded, or in another one that reports anything: an error may come from a gateway. */
  note(route: string, limits: readonly { readonly name: string }[]): void {
    const before = this.#limits.get(route)
    if (limits.length === 0 && before !== undefined) return
    const now = this.#setOf(limits)
    if (before === now) return
    if (before === undefined && this.#limits.size >= MOST_ROUTES) this.#clear()
    this.#count(before, -1)
    this.#count(now, 1)
    this.#limits.set(route, now)
  }

  /** Whether a limit holds for a route: it has reported it, or, where it is not known yet, all others have. */
  holds(limit: string, route: string | undefined): boolean {
    const limits = route === undefined ? undefined : this.#limits.get(route)
    return limits === undefined ? this.isEverywhere(limit) : limits.has(limit)
  }

  isEverywhere(limit: string): boolean {
    return (this.#counts.get(limit) ?? 0) >= this.#limited
  }

  /** Whether a route is known to have limits, and none of these. */
  isExempt(route: string | undefined, limits: readonly string[]): boolean {
    const own = route === undefined ? undefined : this.#limits.get(route)
    return own !== undefined && own.size > 0 && limits.length > 0 && !limits.some((limit) => own.has(limit))
  }

  #setOf(limits: readonly { readonly name: string }[]): ReadonlySet<string> {
    const isSame = limits.length === this.#last.size && limits.every(({ name }) => this.#last.has(name))
    if (!isSame) this.#last = new Set(limits.map(({ name }) => name))
    return this.#last
  }

  #count(limits: ReadonlySet<string> | undefined, by: number): void {
    if (limits === undefined || limits.size === 0) return
    this.#limited += by
    for (const name of limits) {
      const count = (this.#counts.get(name) ?? 0) + by
      if (count === 0) this.#counts.delete(name)
      else this.#counts.set(name, count)
    }
  }

  #clear(): void {
    this.#limits.clear()
    this.#counts.clear()
    this.#limited = 0
  }
}
