import type { Cells } from './algorithm.js'
import { cell, DRAWN, EXPIRY, GRANT_WIDTH, GRANTS, grantsAt, LEFT } from './quota-bucket.js'

/** Units of the grants that have not expired. */
export function liveUnits(cells: Cells, now: number): number {
  let units = 0
  for (let at = grantsAt(cells); at < cells.length; at += GRANT_WIDTH) {
    if (cell(cells, at + EXPIRY) > now) units += cell(cells, at + LEFT)
  }
  return units
}

/** Takes up to `cost` units of the grants that expire after `from` and no later than `to`; answers with how many it took. */
export function drawFrom(cells: Cells, cost: number, from: number, to: number): number {
  let wanted = cost
  for (let at = grantsAt(cells); at < cells.length && wanted > 0; at += GRANT_WIDTH) {
    const expiry = cell(cells, at + EXPIRY)
    if (expiry <= from || expiry > to) continue
    const taken = Math.min(wanted, cell(cells, at + LEFT))
    cells[at + LEFT] = cell(cells, at + LEFT) - taken
    wanted -= taken
  }
  return cost - wanted
}

/** Gives units back to the grant that lasts longest; where all have expired, they are lost. */
export function giveTo(cells: Cells, units: number, now: number): void {
  if (units === 0) return
  cells[DRAWN] = cell(cells, DRAWN) - units
  const last = cells.length - GRANT_WIDTH
  if (cell(cells, GRANTS) === 0 || cell(cells, last + EXPIRY) <= now) return
  cells[last + LEFT] = cell(cells, last + LEFT) + units
}
