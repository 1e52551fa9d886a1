import { Standing } from '../decisions/standing.js'
import type { Policy } from '../policies/policy.js'
import type { Algorithm, Cells } from './algorithm.js'

/**
 * Cells before the entries: slots held, when the first entry expires at the earliest, when the last does at the latest, and
 * where the entries end. What follows was released: an array that shrinks and grows with each request is made anew each time.
 */
const HEADER = 4
/** Cells of an entry: the lease's number, its slots, when it expires, its length. */
const ENTRY = 4

/** Less than any slot, but not nothing. */
const KEPT = 1e-6

/** When a client may try again, where nobody has measured how long slots are held. */
const RETRY_MS = 1_000

/**
 * Slots, held as leases until they are released or expire.
 * A bucket is an array of its own: a header, then an entry for each lease. An expired entry no longer counts.
 */
export const concurrencyAlgorithm: Algorithm = {
  name: 'concurrency',
  width: () => 0,
  decide,
  refund(cells, _at, _policy, cost, _taken, _now, lease = 0) {
    const entry = entryOf(cells, lease)
    if (entry < 0) return
    const slots = cells[entry + 1] ?? 0
    const back = Math.min(cost, slots)
    cells[0] = heldIn(cells) - back
    if (back < slots) cells[entry + 1] = slots - back
    else remove(cells, entry)
  },
  // The bucket of who comes again and again is kept for the length of a lease, and dropped before all others.
  used: (cells, _at, _policy, now) => heldAt(cells, now) || (now < (cells[2] ?? 0) ? KEPT : 0),
}

function decide(
  cells: Cells,
  _at: number,
  policy: Policy,
  cost: number,
  now: number,
  commit: boolean,
  lease = 0,
): Standing {
  const { quota } = policy
  const longest = now + leaseMs(policy)
  if ((cells[2] ?? 0) > longest) shorten(cells, now)
  let held = heldAt(cells, now)
  const allowed = cost <= Math.max(0, quota - held)
  if (commit && allowed && cost > 0) {
    if (held < heldIn(cells)) dropExpired(cells, now)
    add(cells, lease, cost, longest, leaseMs(policy))
    held += cost
  }
  const remaining = Math.max(0, quota - held)
  const reset = held === 0 ? 0 : (cells[2] ?? 0) - now
  const retry = allowed ? 0 : cost > quota ? Number.POSITIVE_INFINITY : RETRY_MS
  return new Standing(policy, allowed, remaining, remaining === quota ? 0 : null, retry, reset, 0, now)
}

/**
 * Lets a lease expire later. One that is missing is held again where its holder is sure that it has not expired: then the
 * store has lost it. Answers with whether it is held.
 */
export function renew(
  cells: Cells,
  policy: Policy,
  cost: number,
  lease: number,
  restore: boolean,
  now: number,
): boolean {
  const expiresAt = now + leaseMs(policy)
  if (heldAt(cells, now) < heldIn(cells)) dropExpired(cells, now)
  const entry = entryOf(cells, lease)
  if (entry < 0 && !restore) return false
  if (entry < 0) add(cells, lease, cost, expiresAt, leaseMs(policy))
  else {
    cells[entry + 2] = expiresAt
    cells[entry + 3] = leaseMs(policy)
  }
  cells[2] = Math.max(cells[2] ?? 0, expiresAt)
  return true
}

function leaseMs({ lease }: Policy): number {
  return lease?.ms ?? 0
}

/** Cells that may be kept behind the last entry. */
const SPARE = 64

function endOf(cells: Cells): number {
  return cells[3] ?? HEADER
}

function heldIn(cells: Cells): number {
  return cells[0] ?? 0
}

/** Slots of the leases that have not expired. */
function heldAt(cells: Cells, now: number): number {
  if (now < (cells[1] ?? 0)) return heldIn(cells)
  let held = 0
  let first = Number.POSITIVE_INFINITY
  for (let entry = HEADER; entry < endOf(cells); entry += ENTRY) {
    const expiresAt = cells[entry + 2] ?? 0
    if (expiresAt <= now) continue
    held += cells[entry + 1] ?? 0
    first = Math.min(first, expiresAt)
  }
  // All have been renewed: until the first of them expires, nobody need look at each again.
  if (held === heldIn(cells)) cells[1] = first
  return held
}

function add(cells: Cells, lease: number, cost: number, expiresAt: number, ms: number): void {
  const end = endOf(cells)
  cells[0] = heldIn(cells) + cost
  cells[1] = end === HEADER ? expiresAt : Math.min(cells[1] ?? expiresAt, expiresAt)
  cells[2] = Math.max(cells[2] ?? 0, expiresAt)
  cells[end] = lease
  cells[end + 1] = cost
  cells[end + 2] = expiresAt
  cells[end + 3] = ms
  cells[3] = end + ENTRY
}

/** Leases are renewed, and mostly released, in the order in which they were taken: the next is where the last one was, or behind it. */
let expected = HEADER

/** Where a lease's entry begins; −1 where it has none. */
function entryOf(cells: Cells, lease: number): number {
  if (expected >= endOf(cells) || cells[expected] !== lease) {
    expected = HEADER
    const end = endOf(cells)
    while (expected < end && cells[expected] !== lease) expected += ENTRY
  }
  const entry = expected < endOf(cells) ? expected : -1
  expected += ENTRY
  return entry
}

function remove(cells: Cells, entry: number): void {
  const end = endOf(cells) - ENTRY
  for (let i = entry; i < end; i++) cells[i] = cells[i + ENTRY] ?? 0
  cells[3] = end
  if (cells.length > 2 * end + SPARE) cells.length = end
}

function dropExpired(cells: Cells, now: number): void {
  let end = HEADER
  let [held, first, latest] = [0, Number.POSITIVE_INFINITY, 0]
  for (let entry = HEADER; entry < endOf(cells); entry += ENTRY) {
    const [lease = 0, cost = 0, expiresAt = 0] = [cells[entry], cells[entry + 1], cells[entry + 2]]
    if (expiresAt <= now) continue
    cells[end] = lease
    cells[end + 1] = cost
    cells[end + 2] = expiresAt
    cells[end + 3] = cells[entry + 3] ?? 0
    end += ENTRY
    held += cost
    first = Math.min(first, expiresAt)
    latest = Math.max(latest, expiresAt)
  }
  cells[0] = held
  cells[1] = first
  cells[2] = latest
  cells[3] = end
}

/** Where the clock went back, no lease lasts longer than if it was taken now. */
function shorten(cells: Cells, now: number): void {
  let [first, latest] = [Number.POSITIVE_INFINITY, 0]
  for (let entry = HEADER; entry < endOf(cells); entry += ENTRY) {
    const expiresAt = Math.min(cells[entry + 2] ?? 0, now + (cells[entry + 3] ?? 0))
    cells[entry + 2] = expiresAt
    first = Math.min(first, expiresAt)
    latest = Math.max(latest, expiresAt)
  }
  if (latest === 0) return
  cells[1] = first
  cells[2] = latest
}
