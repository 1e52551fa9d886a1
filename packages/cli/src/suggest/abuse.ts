import { type KeyPeaks, WINDOWS } from './peaks.js'

/** Why a key does not count as legitimate. */
export type AbuseReason = 'refused' | 'tool' | 'outlier'

export interface AbusiveKey extends KeyPeaks {
  readonly reason: AbuseReason
}

export interface Separated {
  readonly legitimate: readonly KeyPeaks[]
  readonly abusive: readonly AbusiveKey[]
}

/** Of fewer requests, a share of refusals says little. */
const LEAST_REQUESTS = 20

/** Peaks that are so many times the next lower one stand apart. */
const GAP = 4

/** At most this share of all keys can be outliers: what many do is traffic. */
const MOST_OUTLIERS = 0.02

/** The window by whose peaks keys are compared. */
const MINUTE = WINDOWS.findIndex(({ ms }) => ms === 60_000)

/** Separates keys that look like abuse: mostly refused, from a known scanner, or far above all others. */
export function separateAbuse(keys: readonly KeyPeaks[]): Separated {
  const abusive: AbusiveKey[] = []
  const others: KeyPeaks[] = []
  for (const key of keys) {
    if (key.isTool) abusive.push({ ...key, reason: 'tool' })
    else if (key.requests >= LEAST_REQUESTS && key.refused * 2 >= key.requests)
      abusive.push({ ...key, reason: 'refused' })
    else others.push(key)
  }
  const bound = outlierBound(others)
  const legitimate = others.filter((key) => peakOf(key) < bound)
  for (const key of others) if (peakOf(key) >= bound) abusive.push({ ...key, reason: 'outlier' })
  return { legitimate, abusive: abusive.sort((one, other) => peakOf(other) - peakOf(one)) }
}

/** The lowest peak above the widest gap among the highest peaks; infinite where none is wide enough. */
function outlierBound(keys: readonly KeyPeaks[]): number {
  const peaks = keys.map(peakOf).sort((one, other) => other - one)
  const most = Math.ceil(keys.length * MOST_OUTLIERS)
  let bound = Number.POSITIVE_INFINITY
  let widest = GAP
  for (let i = 0; i < most && i + 1 < peaks.length; i++) {
    const [peak = 0, next = 0] = [peaks[i], peaks[i + 1]]
    // Of small peaks, chance alone makes gaps.
    const gap = peak / Math.max(next, 5)
    if (gap < widest) continue
    widest = gap
    bound = peak
  }
  return bound
}

function peakOf({ peaks }: KeyPeaks): number {
  return peaks[MINUTE] ?? 0
}
