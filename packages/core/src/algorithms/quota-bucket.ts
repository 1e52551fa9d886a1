import type { Cells } from './algorithm.js'

/**
 * A quota's bucket: when its period began, the units taken of the quota and of what was rolled over
 * to it, how many were rolled over, the quota as it was last, the units taken of grants, when the bucket is no longer
 * needed, and how many past periods and grants follow: (start, units) each, the latest first, and (id, id, expiry, units
 * left) each, the first to expire first.
 */
export const START = 0
export const USED = 1
export const CARRIED = 2
export const QUOTA = 3
export const DRAWN = 4
export const UNTIL = 5
export const PAST = 6
export const GRANTS = 7
export const HEADER = 8

export const PAST_WIDTH = 2

export const GRANT_WIDTH = 4
export const EXPIRY = 2
export const LEFT = 3

/** The expiry of a grant that does not expire: the year 6429. */
export const NEVER: number = 2 ** 47 - 1

/** What a grant that was revoked has left: nothing, and nothing comes back to it. */
export const REVOKED: number = 2 ** 52

/** The most grants in a bucket, used up or not. */
export const MOST_GRANTS = 32

export function cell(cells: Cells, index: number): number {
  return cells[index] ?? 0
}

/** What the grant that begins there has left. */
export function leftAt(cells: Cells, at: number): number {
  const left = cell(cells, at + LEFT)
  return left === REVOKED ? 0 : left
}

/** Where the grants begin: they come last. */
export function grantsAt(cells: Cells): number {
  return cells.length - cell(cells, GRANTS) * GRANT_WIDTH
}

export function slice(cells: Cells, from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => cell(cells, from + i))
}

/** Makes these the cells. */
export function replace(cells: Cells, by: Cells): void {
  cells.length = 0
  for (let i = 0; i < by.length; i++) cells[i] = cell(by, i)
}
