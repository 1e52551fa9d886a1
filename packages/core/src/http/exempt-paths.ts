/** Below a mount point, what is exempt: a method and a path that begins with `/`, or nothing. */
export type IsExempt = (method: string, path: string) => boolean

/** What an app may read as another path than it is. */
const AMBIGUOUS = /\.\.|\\|\/\/|%2e|%2f|%5c/i

/** Mount points at the most: a router may have a parameter in its path. */
const MOST_PATHS = 20

/** Requests that no limit of a `sluice()` counts: those of a dashboard that shows them. */
export class ExemptPaths {
  #paths: readonly { readonly path: string; readonly isExempt: IsExempt }[] = []

  get isEmpty(): boolean {
    return this.#paths.length === 0
  }

  /** Some of what is below a path that is not the root. */
  add(path: string, isExempt: IsExempt): void {
    const own = path.replace(/\/+$/, '')
    if (own === '' || this.#paths.length >= MOST_PATHS || this.#paths.some((known) => known.path === own)) return
    this.#paths = [...this.#paths, { path: own, isExempt }]
  }

  /** By the target as the client sent it: what a proxy or a router makes of it later would be too late. */
  cover(method: string, target: string): boolean {
    if (AMBIGUOUS.test(target)) return false
    const [path = ''] = target.split('?', 1)
    return this.#paths.some((known) => {
      if (path !== known.path && !path.startsWith(`${known.path}/`)) return false
      return known.isExempt(method, path.slice(known.path.length))
    })
  }
}
