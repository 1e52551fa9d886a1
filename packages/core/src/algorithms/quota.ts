import { Standing } from '../decisions/standing.js'
import type { Calendar, KnownPeriod, Period } from '../policies/calendar.js'
import type { Policy } from '../policies/policy.js'
import type { Algorithm, Cells } from './algorithm.js'
import { drawFrom, giveTo, liveUnits } from './grants.js'
import { CARRIED, cell, DRAWN, GRANTS, HEADER, NEVER, QUOTA, replace, START, UNTIL, USED } from './quota-bucket.js'
import { inPeriod, isForgotten, neededUntil } from './quota-period.js'

/** So much in each period of a calendar. quota-bucket.ts tells what a bucket is. */
export const quotaAlgorithm: Algorithm = {
  name: 'quota',
  width: () => HEADER,
  grows: true,
  quick,
  decide,
  refund(cells, _at, policy, cost, taken, now) {
    const period = periodOf(policy, now)
    if (isForgotten(cells, now) || cell(cells, START) < period.start || taken < period.start) return 0
    const bucket = inPeriod(cells, policy, period, now)
    const over = Math.max(0, cell(bucket, USED) - policy.quota - cell(bucket, CARRIED))
    const back = Math.min(cost, cell(bucket, USED))
    bucket[USED] = cell(bucket, USED) - back
    giveTo(bucket, Math.min(cost - back, cell(bucket, DRAWN)), now)
    return Math.min(over, back)
  },
  used(cells, at, policy, now) {
    if (now >= cell(cells, at + UNTIL)) return 0
    // Less than any unit, but not nothing: what it knows of the past, or was granted, is still wanted.
    const here = cell(cells, at + START) === periodOf(policy, now).start
    return here ? cell(cells, at + USED) + cell(cells, at + DRAWN) + KEPT : KEPT
  },
}

const KEPT = 1e-6

/** The calendars of policies know what follows: `calendarQuota` sees to that. */
export function periodOf({ calendar }: Policy, now: number): KnownPeriod {
  return (calendar as Calendar).periodAt(now) as KnownPeriod
}

function decide(cells: Cells, _at: number, policy: Policy, cost: number, now: number, commit: boolean): Standing {
  const taken = commit && cells.length > 0 ? quick(cells, 0, policy, cost, now) : undefined
  return taken ?? decideIn(cells, policy, periodOf(policy, now), cost, now, commit)
}

/** Of the last quick take: most are by one policy, in one period. */
let lastPolicy: Policy | undefined
let lastPeriod: Period | undefined
let lastUntil = 0

/** As nearly always: a take in the bucket's own period, from the quota itself. */
function quick(cells: Cells, at: number, policy: Policy, cost: number, now: number): Standing | undefined {
  const period = periodOf(policy, now)
  const { start, end } = period
  if (cells[at + GRANTS] !== 0 || cells[at + START] !== start || now >= cell(cells, at + UNTIL)) return undefined
  const carried = cell(cells, at + CARRIED)
  const used = cell(cells, at + USED) + cost
  const left = policy.quota + carried - used
  if (left < 0 || cost === 0) return undefined
  cells[at + USED] = used
  cells[at + QUOTA] = policy.quota
  if (policy !== lastPolicy || period !== lastPeriod) {
    lastPolicy = policy
    lastPeriod = period
    lastUntil = neededUntil(policy, period)
  }
  if (lastUntil > cell(cells, at + UNTIL)) cells[at + UNTIL] = lastUntil
  const drawn = cell(cells, at + DRAWN)
  const usage = { start, end, used: used + drawn, granted: drawn, rolledOver: carried, over: 0, overTaken: 0 }
  const rest = end - now
  const more = end === Number.POSITIVE_INFINITY ? null : rest
  return new Standing(policy, true, left, more, 0, rest, 0, now, usage)
}

function decideIn(
  cells: Cells,
  policy: Policy,
  period: KnownPeriod,
  cost: number,
  now: number,
  commit: boolean,
): Standing {
  const bucket = inPeriod(cells, policy, period, now)
  const live = bucket[GRANTS] === 0 ? 0 : liveUnits(bucket, now)
  const left = policy.quota + cell(bucket, CARRIED) - cell(bucket, USED)
  const allowed = cost <= roomOf(policy, cell(bucket, USED), left, live)
  if (!allowed) return standing(bucket, policy, period, left, live, waitOf(cells, policy, period, cost, now), now)
  if (!commit || cost === 0) return standing(bucket, policy, period, left, live, 0, now)
  const overBefore = Math.max(0, -left)
  const drawn = live === 0 ? 0 : draw(bucket, cost, Math.max(0, left), period, now)
  bucket[USED] = cell(bucket, USED) + cost - drawn
  bucket[DRAWN] = cell(bucket, DRAWN) + drawn
  bucket[QUOTA] = policy.quota
  bucket[UNTIL] = Math.max(cell(bucket, UNTIL), neededUntil(policy, period))
  if (bucket !== cells) replace(cells, bucket)
  return standing(bucket, policy, period, left - (cost - drawn), live - drawn, 0, now, overBefore)
}

/** `left` is what the quota has left, below 0 where it is over; `live` what the grants have; `retry` is 0 where it is allowed. */
function standing(
  bucket: Cells,
  policy: Policy,
  period: Period,
  left: number,
  live: number,
  retry: number,
  now: number,
  overBefore: number | undefined = undefined,
): Standing {
  const { start, end } = period
  const drawn = cell(bucket, DRAWN)
  const used = cell(bucket, USED) + drawn
  const over = left < 0 ? -left : 0
  const usage = {
    start,
    end,
    used,
    granted: live + drawn,
    rolledOver: cell(bucket, CARRIED),
    over,
    overTaken: overBefore === undefined ? 0 : over - overBefore,
  }
  const rest = used === 0 ? 0 : end - now
  const more = rest === Number.POSITIVE_INFINITY ? null : rest
  return new Standing(policy, retry === 0, Math.max(0, left) + live, more, retry, rest, 0, now, usage)
}

/** What may be taken now: where the quota is soft, whatever the numbers can hold. */
function roomOf({ soft, overage }: Policy, used: number, left: number, live: number): number {
  return soft ? Number.MAX_SAFE_INTEGER - used : Math.max(0, left + overage) + live
}

/** What expires first is used first: the quota itself when its period ends. Answers with the units of grants. */
function draw(bucket: Cells, cost: number, left: number, { end }: Period, now: number): number {
  const before = drawFrom(bucket, cost, now, end)
  return before + drawFrom(bucket, Math.max(0, cost - before - left), Math.max(now, end), NEVER)
}

/** Until the next period, if the cost passes then. A key that was not seen in this one leaves nothing to the next. */
function waitOf(cells: Cells, policy: Policy, period: Period, cost: number, now: number): number {
  const { start, end } = period
  if (end === Number.POSITIVE_INFINITY) return end
  const next = inPeriod(cells, policy, { start: end, end: Number.POSITIVE_INFINITY, previous: start }, end)
  const passes = cost <= roomOf(policy, 0, policy.quota + cell(next, CARRIED), liveUnits(next, end))
  // At least a millisecond: a calendar of somebody's own may end its periods too early.
  return passes ? Math.max(1, end - now) : Number.POSITIVE_INFINITY
}
