import { ConfigError, shown } from './errors.js'

/**
 * Refuses what is not an options object, and any option that `known` does not list.
 * @throws {ConfigError} naming the unknown option and the nearest known one.
 */
export function checkOptions(place: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ConfigError(`${place} takes its options as an object, got ${shown(options)}.`)
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const nearest = nearestTo(name, known)
    const hint = nearest === undefined ? `The options are: ${known.join(', ')}.` : `Did you mean "${nearest}"?`
    throw new ConfigError(`${place} has no option "${name}". ${hint}`)
  }
}

/** The known name that a misspelt one is closest to, if any is close. */
export function nearestTo(name: string, known: readonly string[]): string | undefined {
  // A longer one is no misspelling, and its distance would take long to compute.
  if (name.length > 40) return undefined
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, best.candidate.length / 3) ? best.candidate : undefined
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** @throws {ConfigError} unless it is 1 to 128 characters of printable ASCII, as a structured field's String must be. */
export function checkName(name: unknown): string {
  if (typeof name === 'string' && /^[ -~]{1,128}$/.test(name)) return name
  throw new ConfigError(
    `name: expected 1 to 128 characters of printable ASCII, since it stands in header fields, got ${shown(name)}.`,
  )
}

/** @throws {ConfigError} unless `value` is a whole number from `least` to `most`. */
export function checkWhole(option: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw new ConfigError(`${option}: expected a whole number from ${least} to ${most}, got ${shown(value)}.`)
}

/** @throws {ConfigError} unless it is true or false; `false` where it is not given. */
export function checkFlag(option: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw new ConfigError(`${option}: expected true or false, got ${shown(value)}.`)
}
