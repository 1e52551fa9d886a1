import type { AlgorithmName } from '../policies/policy.js'
import type { Algorithm } from './algorithm.js'
import { concurrencyAlgorithm } from './concurrency.js'
import { exactWindowAlgorithm } from './exact-window.js'
import { fixedWindowAlgorithm } from './fixed-window.js'
import { leakyBucketAlgorithm, tokenBucketAlgorithm } from './meter.js'
import { quotaAlgorithm } from './quota.js'
import { slidingLogAlgorithm } from './sliding-log.js'
import { slidingWindowAlgorithm } from './sliding-window.js'
import { subWindowsAlgorithm } from './sub-windows.js'

/** Every algorithm by the name that policies have for it. */
export const algorithms: Readonly<Record<AlgorithmName, Algorithm>> = {
  'fixed-window': fixedWindowAlgorithm,
  'exact-window': exactWindowAlgorithm,
  'sliding-window': slidingWindowAlgorithm,
  'sub-windows': subWindowsAlgorithm,
  'sliding-log': slidingLogAlgorithm,
  'token-bucket': tokenBucketAlgorithm,
  'leaky-bucket': leakyBucketAlgorithm,
  quota: quotaAlgorithm,
  concurrency: concurrencyAlgorithm,
}
