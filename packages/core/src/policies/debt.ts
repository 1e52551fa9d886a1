import { grainMs } from './grain.js'
import type { Policy } from './policy.js'

/**
 * The most units beyond its capacity that a bucket can owe: as many as its algorithm counts in whole numbers that a double
 * holds exactly (docs/arithmetic.md). The packed numbers in Redis are wider.
 */
export function largestDebt(policy: Pick<Policy, 'algorithm' | 'quota' | 'windowMs' | 'capacity'>): number {
  return Math.max(0, mostUnits(policy) - policy.capacity)
}

function mostUnits({ algorithm, quota, windowMs }: Pick<Policy, 'algorithm' | 'quota' | 'windowMs'>): number {
  switch (algorithm) {
    case 'quota':
    case 'concurrency':
      return 0
    case 'token-bucket':
    case 'leaky-bucket':
      // The level is in units of 1 / window.
      return Math.floor(LARGEST_CELL / windowMs)
    case 'sliding-window': {
      // Fading multiplies: 2 × units × parts + parts.
      const parts = Math.ceil(windowMs / grainMs(quota, windowMs))
      return Math.floor((Number.MAX_SAFE_INTEGER - parts) / (2 * parts))
    }
    default:
      return LARGEST_CELL
  }
}

/** A little below 2^53: ioredis 6 misreads replies above 2^53 − 48, as it adds a digit's character code before it takes 48 off. */
const LARGEST_CELL = 9 * 10 ** 15
