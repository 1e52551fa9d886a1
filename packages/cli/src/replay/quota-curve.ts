/** What each quota would deny, estimated: units beyond it in every window of every key, as a fixed window counts them. */
export interface QuotaCurve {
  readonly windowMs: number
  /** The limit's own. */
  readonly quota: number
  /** Units that were asked for in all. */
  readonly units: number
  readonly points: readonly QuotaPoint[]
}

export interface QuotaPoint {
  readonly quota: number
  /** Units that would have been denied. */
  readonly denied: number
  /** Keys of which something would have been denied. */
  readonly keys: number
}

/** Counts are kept exactly up to here, and in steps of a thousandth above. */
const EXACT = 2_000

type Counts = readonly (readonly [units: number, times: number])[]

/** How often a key had so many units in a window. */
export class CountHistogram {
  readonly #counts = new Map<number, number>()

  add(units: number): void {
    const step =
      units <= EXACT ? units : Math.round(EXACT * Math.exp(Math.round(Math.log(units / EXACT) * 1_000) / 1_000))
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + 1)
  }

  /** From the largest units down. */
  get descending(): Counts {
    return [...this.#counts].sort(([one], [other]) => other - one)
  }
}

const MOST_POINTS = 160

/** A point for each quota up to the largest demand, thinned out, and one for the quota itself. */
export function quotaCurve(
  windowMs: number,
  units: number,
  quota: number,
  windows: CountHistogram,
  peaks: CountHistogram,
): QuotaCurve {
  const counts = windows.descending
  const keys = peaks.descending
  const largest = Math.max(counts[0]?.[0] ?? 0, keys[0]?.[0] ?? 0)
  return {
    windowMs,
    quota,
    units,
    points: quotasUpTo(largest, quota).map((quota) => ({
      quota,
      denied: sumAbove(counts, quota, (units) => units - quota),
      keys: sumAbove(keys, quota, () => 1),
    })),
  }
}

function sumAbove(descending: Counts, quota: number, weight: (units: number) => number): number {
  let sum = 0
  for (const [units, times] of descending) {
    if (units <= quota) break
    sum += times * weight(units)
  }
  return sum
}

function quotasUpTo(largest: number, own: number): readonly number[] {
  const factor = Math.max(1.05, largest ** (1 / MOST_POINTS))
  const quotas: number[] = []
  for (let quota = 1; quota < largest; quota = Math.max(quota + 1, Math.round(quota * factor))) quotas.push(quota)
  return [...new Set([...quotas, Math.max(1, largest), own])].sort((one, other) => one - other)
}
