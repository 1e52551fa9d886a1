import type { KnownPeriod, Period } from '../policies/calendar.js'
import type { Policy } from '../policies/policy.js'
import type { Cells } from './algorithm.js'
import {
  CARRIED,
  cell,
  DRAWN,
  EXPIRY,
  GRANT_WIDTH,
  GRANTS,
  grantsAt,
  HEADER,
  PAST,
  PAST_WIDTH,
  QUOTA,
  replace,
  START,
  slice,
  UNTIL,
  USED,
} from './quota-bucket.js'

/**
 * The bucket in the period of `now`: itself, or a copy that stands at the beginning of it. One that is ahead of it, since the
 * clock went back, is put back itself.
 */
export function inPeriod(cells: Cells, policy: Policy, period: Period, now: number): Cells {
  if (isForgotten(cells, now)) return [period.start, 0, 0, policy.quota, 0, 0, 0, 0]
  const start = cell(cells, START)
  if (start === period.start) return cells
  if (start > period.start) return backInTime(cells, period.start)
  const bucket = slice(cells, 0, cells.length)
  bucket[CARRIED] = start === period.previous ? leftOver(cells, policy.rollover) : 0
  bucket[QUOTA] = policy.quota
  bucket[START] = period.start
  bucket[USED] = 0
  bucket[DRAWN] = 0
  const past = [start, cell(cells, USED) + cell(cells, DRAWN), ...slice(cells, HEADER, grantsAt(cells))]
  put(bucket, past.slice(0, policy.history * PAST_WIDTH), grantsAfter(cells, period.start))
  return bucket
}

/** Whether there is no bucket, or one that nobody needs any more, whether or not it has been dropped. */
export function isForgotten(cells: Cells, now: number): boolean {
  return cells.length === 0 || now >= cell(cells, UNTIL)
}

/** When nobody can tell any more whether the bucket is there: once its past, and what it passes on, has been forgotten. */
export function neededUntil(policy: Policy, { start, end, next }: KnownPeriod): number {
  const periods = periodsKept(policy)
  if (periods === 0 || end === Number.POSITIVE_INFINITY) return end
  // Exact for what is passed on to the next period; of those after it, a little more than all.
  return next + Math.max(end - start, next - end) * (periods - 1)
}

/** How many periods beyond its own a bucket is needed. */
export function periodsKept({ history, rollover }: Policy): number {
  return Math.max(history, rollover > 0 ? 1 : 0)
}

/** What a period leaves to the next: by the quota that it was last counted with. */
function leftOver(cells: Cells, most: number): number {
  return Math.min(most, Math.max(0, cell(cells, QUOTA) + cell(cells, CARRIED) - cell(cells, USED)))
}

/** The clock went back: what was counted in the periods to come was counted in this one. */
function backInTime(bucket: Cells, start: number): Cells {
  let first = HEADER
  for (; first < grantsAt(bucket) && cell(bucket, first) >= start; first += PAST_WIDTH) {
    bucket[USED] = cell(bucket, USED) + cell(bucket, first + 1)
  }
  bucket[START] = start
  put(bucket, slice(bucket, first, grantsAt(bucket)), slice(bucket, grantsAt(bucket), bucket.length))
  return bucket
}

/** The grants that are not over by then. */
function grantsAfter(cells: Cells, now: number): number[] {
  const kept: number[] = []
  for (let at = grantsAt(cells); at < cells.length; at += GRANT_WIDTH) {
    if (cell(cells, at + EXPIRY) > now) kept.push(...slice(cells, at, at + GRANT_WIDTH))
  }
  return kept
}

function put(bucket: Cells, past: readonly number[], grants: readonly number[]): void {
  const header = slice(bucket, 0, HEADER)
  header[PAST] = past.length / PAST_WIDTH
  header[GRANTS] = grants.length / GRANT_WIDTH
  replace(bucket, [...header, ...past, ...grants])
}
