import type { Cells } from './algorithm.js'
import { cell, DRAWN, EXPIRY, GRANT_WIDTH, grantsAt, LEFT, leftAt, REVOKED } from './quota-bucket.js'

/** Units of the grants that have not expired. */
export function liveUnits(cells: Cells, now: number): number {
  let units = 0
  for (let at = grantsAt(cells); at < cells.length; at += GRANT_WIDTH) {
    if (cell(cells, at + EXPIRY) > now) units += leftAt(cells, at)
  }
  return units
}

/** Takes up to `cost` units of the grants that expire after `from` and no later than `to`; answers with how many it took. */
export function drawFrom(cells: Cells, cost: number, from: number, to: number): number {
  let wanted = cost
  for (let at = grantsAt(cells); at < cells.length && wanted > 0; at += GRANT_WIDTH) {
    const expiry = cell(cells, at + EXPIRY)
    if (expiry <= from || expiry > to) continue
    const taken = Math.min(wanted, leftAt(cells, at))
    if (taken === 0) continue
    cells[at + LEFT] = leftAt(cells, at) - taken
    wanted -= taken
  }
  return cost - wanted
}

/** Gives units back to the grant that lasts longest; where all have expired or were revoked, they are lost. */
export function giveTo(cells: Cells, units: number, now: number): void {
  if (units === 0) return
  cells[DRAWN] = cell(cells, DRAWN) - units
  for (
    let at = cells.length - GRANT_WIDTH;
    at >= grantsAt(cells) && cell(cells, at + EXPIRY) > now;
    at -= GRANT_WIDTH
  ) {
    if (cell(cells, at + LEFT) === REVOKED) continue
    cells[at + LEFT] = cell(cells, at + LEFT) + units
    return
  }
}
