import { concurrencyTwin } from '../algorithms/concurrency.lua.js'
import { exactWindowTwin } from '../algorithms/exact-window.lua.js'
import { fixedWindowTwin } from '../algorithms/fixed-window.lua.js'
import { meterTwin } from '../algorithms/meter.lua.js'
import { quotaTwin } from '../algorithms/quota.lua.js'
import { NEVER } from '../algorithms/quota-bucket.js'
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

const all: Twin['cells'] = (count, next) => numbers(count, next)

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
  quota: { lua: quotaTwin, cells: quotaCells },
  concurrency: { lua: concurrencyTwin, cells: (held, next) => [held, Number.POSITIVE_INFINITY, next()] },
}

/** All but the past, which decides nothing; and of grants not the ids. */
function quotaCells(first: number, next: () => number, { quota }: Policy): number[] {
  if (first === -1) return []
  if (first >= 0) return [first, next(), 0, quota, 0, NEVER, 0, 0]
  const header = [-2 - first, next(), next(), next(), next(), NEVER, 0]
  const grants = next()
  const cells = [...header, grants]
  for (let i = 0; i < grants; i++) cells.push(0, 0, next(), next())
  return cells
}

/** One by one: a count that cannot be right ends where the answer does. */
function numbers(count: number, next: () => number): number[] {
  const read: number[] = []
  for (let i = 0; i < count; i++) read.push(next())
  return read
}
