/** What an app may read as another path than it is. */
const AMBIGUOUS = /\.\.|\\|\/\/|%2e|%2f|%5c/i

/** Paths that no limit of a `sluice()` counts: those of a dashboard that shows them. */
export class ExemptPaths {
  #paths: readonly string[] = []

  get isEmpty(): boolean {
    return this.#paths.length === 0
  }

  /** Everything under a path that is not the root. */
  add(path: string): void {
    const own = path.replace(/\/+$/, '')
    if (own !== '' && !this.#paths.includes(own)) this.#paths = [...this.#paths, own]
  }

  /** By the target as the client sent it: what a proxy or a router makes of it later would be too late. */
  cover(target: string): boolean {
    if (AMBIGUOUS.test(target)) return false
    return this.#paths.some((path) => {
      if (!target.startsWith(path)) return false
      const next = target[path.length]
      return next === undefined || next === '/' || next === '?'
    })
  }
}
