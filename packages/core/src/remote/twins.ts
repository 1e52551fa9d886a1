import { exactWindowTwin } from '../algorithms/exact-window.lua.js'
import { fixedWindowTwin } from '../algorithms/fixed-window.lua.js'
import { meterTwin } from '../algorithms/meter.lua.js'
import { slidingLogTwin } from '../algorithms/sliding-log.lua.js'
import { slidingWindowTwin } from '../algorithms/sliding-window.lua.js'
import { subWindowsTwin } from '../algorithms/sub-windows.lua.js'
import type { AlgorithmName, Policy } from '../policies/policy.js'

/** An algorithm where the script runs. */
export interface Twin {
  readonly lua: string
  /** The cells of a bucket, by what its twin answers: the first number of it, and `next` for each further one. */
  cells(first: number, next: () => number, policy: Policy, now: number): number[]
}

const all: Twin['cells'] = (count, next) => Array.from({ length: count }, next)

const meter: Twin = { lua: meterTwin, cells: (level, next, _policy, now) => [now, level, next()] }

/** Every twin by the name that policies have for its algorithm. */
export const twins: Readonly<Record<AlgorithmName, Twin>> = {
  'fixed-window': { lua: fixedWindowTwin, cells: (start, next) => [start, next()] },
  'exact-window': { lua: exactWindowTwin, cells: all },
  'sliding-window': {
    lua: slidingWindowTwin,
    cells: (previous, next, { windowMs }, now) => [Math.floor(now / windowMs), previous, next()],
  },
  'sub-windows': { lua: subWindowsTwin, cells: all },
  'sliding-log': { lua: slidingLogTwin, cells: all },
  'token-bucket': meter,
  'leaky-bucket': meter,
}
