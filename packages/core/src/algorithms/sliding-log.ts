import { Standing } from '../decisions/standing.js'
import type { Policy } from '../policies/policy.js'
import type { Algorithm, Cells } from './algorithm.js'
import { owedOf } from './debt.js'

/** A bucket is an array of its own: where the live entries begin, their sum, then (time, cost) pairs in order of time. */
export const slidingLogAlgorithm: Algorithm = {
  name: 'sliding-log',
  width: () => 0,
  decide,
  refund(cells, _at, _policy, cost, taken) {
    for (let entry = cells.length - 2; entry >= headOf(cells); entry -= 2) {
      const time = cells[entry] ?? 0
      if (time < taken) return
      if (time === taken) {
        const back = Math.min(cost, cells[entry + 1] ?? 0)
        cells[entry + 1] = (cells[entry + 1] ?? 0) - back
        cells[1] = sumOf(cells) - back
        return
      }
    }
  },
  used(cells, _at, policy, now) {
    return liveAt(cells, policy, now).sum
  },
}

function decide(cells: Cells, _at: number, policy: Policy, cost: number, now: number, commit: boolean): Standing {
  pullBack(cells, now)
  const live = liveAt(cells, policy, now)
  const fits = cost <= Math.max(0, policy.quota - live.sum)
  const allowed = fits || policy.soft
  if (commit && allowed && cost > 0) {
    const units = fits ? cost : owedOf(policy, live.sum, cost)
    keepFrom(cells, live.head, live.sum)
    if (units > 0) append(cells, units, now)
    live.head = headOf(cells)
    live.sum = sumOf(cells)
  }
  const remaining = Math.max(0, policy.quota - live.sum)
  const more = live.sum === 0 ? 0 : wait(cells, live, policy, remaining + 1, now)
  const retry = allowed ? 0 : wait(cells, live, policy, cost, now)
  const reset = live.sum === 0 ? 0 : wait(cells, live, policy, policy.quota, now)
  const debt = Math.max(0, live.sum - policy.quota)
  return new Standing(policy, allowed, remaining, more, retry, reset, 0, now, undefined, debt)
}

interface Live {
  /** Index of the first entry that still counts. */
  head: number
  sum: number
}

/** An entry counts while it is younger than the window: in (now − W, now]. */
function liveAt(cells: Cells, policy: Policy, now: number): Live {
  let head = headOf(cells)
  let sum = sumOf(cells)
  while (head < cells.length && (cells[head] ?? 0) <= now - policy.windowMs) {
    sum -= cells[head + 1] ?? 0
    head += 2
  }
  return { head, sum }
}

/** Milliseconds until enough of the oldest entries have left for `cost` to fit. */
function wait(cells: Cells, live: Live, policy: Policy, cost: number, now: number): number {
  if (cost > policy.quota) return Number.POSITIVE_INFINITY
  let { head, sum } = live
  let last = now - policy.windowMs
  while (sum > policy.quota - cost) {
    last = cells[head] ?? 0
    sum -= cells[head + 1] ?? 0
    head += 2
  }
  return last + policy.windowMs - now
}

function append(cells: Cells, cost: number, now: number): void {
  const end = cells.length
  if (end > headOf(cells) && cells[end - 2] === now) {
    cells[end - 1] = (cells[end - 1] ?? 0) + cost
  } else {
    cells[end] = now
    cells[end + 1] = cost
  }
  cells[1] = sumOf(cells) + cost
}

/** Forgets the entries before `head`; moves the rest to the front once they are the smaller half. */
function keepFrom(cells: Cells, head: number, sum: number): void {
  if (cells.length === 0) {
    cells[0] = 2
    cells[1] = 0
    return
  }
  cells[0] = head
  cells[1] = sum
  const kept = cells.length - head
  if (head - 2 <= kept) return
  for (let i = 0; i < kept; i++) cells[2 + i] = cells[head + i] ?? 0
  cells.length = 2 + kept
  cells[0] = 2
}

/** The clock went back: what was taken in its future was taken now. */
function pullBack(cells: Cells, now: number): void {
  for (let entry = cells.length - 2; entry >= headOf(cells) && (cells[entry] ?? 0) > now; entry -= 2) {
    cells[entry] = now
  }
}

function headOf(cells: Cells): number {
  return cells[0] ?? 2
}

function sumOf(cells: Cells): number {
  return cells[1] ?? 0
}
