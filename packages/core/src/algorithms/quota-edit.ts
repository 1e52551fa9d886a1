import type { Edit } from '../decisions/edit.js'
import type { Policy } from '../policies/policy.js'
import type { Cells } from './algorithm.js'
import { periodOf } from './quota.js'
import {
  cell,
  EXPIRY,
  GRANT_WIDTH,
  GRANTS,
  grantsAt,
  HEADER,
  LEFT,
  leftAt,
  MOST_GRANTS,
  NEVER,
  REVOKED,
  replace,
  slice,
  UNTIL,
} from './quota-bucket.js'
import { inPeriod, isForgotten, neededUntil } from './quota-period.js'

/** What became of an edit: a number of these; of a look at the past, (start, units) pairs, the latest first. */
export type EditAnswer = readonly number[]

export const DONE = 1
/** The grant is there already; or to revoke, there is none. */
export const NOTHING = 0
/** There is no room for another grant. */
export const FULL = -1

/** Changes a quota's bucket, or looks at its past. A key without a bucket has no cells. */
export function edit(cells: Cells, change: Edit, now: number): EditAnswer {
  const { policy, verb } = change
  const current = inPeriod(cells, policy, periodOf(policy, now), now)
  if (verb === 'past') return slice(current, HEADER, grantsAt(current))
  // Whoever uses it next begins its period: by a policy that may leave more to it than this one.
  const bucket = isForgotten(cells, now) ? current : cells
  const grants = grantsIn(bucket)
  const known = grants.find((grant) => grant[0] === change.id[0] && grant[1] === change.id[1])
  if (verb === 'revoke') {
    if (known === undefined) return [NOTHING]
    if (known[LEFT] === REVOKED) return [NOTHING]
    known[LEFT] = REVOKED
    put(cells, bucket, grants, policy, now)
    return [DONE]
  }
  if (known !== undefined) return [NOTHING]
  const isSpent = (grant: Cells): boolean => leftAt(grant, 0) === 0 || cell(grant, EXPIRY) <= now
  const spent = grants.length < MOST_GRANTS ? -1 : grants.findIndex(isSpent)
  if (grants.length === MOST_GRANTS && spent < 0) return [FULL]
  const kept = grants.filter((_, i) => i !== spent)
  const expiry = Math.min(change.expiresAt, NEVER)
  const after = kept.filter((grant) => cell(grant, EXPIRY) > expiry)
  const before = kept.slice(0, kept.length - after.length)
  put(cells, bucket, [...before, [...change.id, expiry, change.cost], ...after], policy, now)
  return [DONE]
}

function grantsIn(bucket: Cells): number[][] {
  const first = grantsAt(bucket)
  return Array.from({ length: cell(bucket, GRANTS) }, (_, i) => {
    return slice(bucket, first + i * GRANT_WIDTH, first + (i + 1) * GRANT_WIDTH)
  })
}

function put(cells: Cells, bucket: Cells, grants: readonly (readonly number[])[], policy: Policy, now: number): void {
  const head = slice(bucket, 0, grantsAt(bucket))
  head[GRANTS] = grants.length
  const last = grants.at(-1)?.[EXPIRY] ?? 0
  const until = Math.max(neededUntil(policy, periodOf(policy, now)), last === NEVER ? Number.POSITIVE_INFINITY : last)
  head[UNTIL] = Math.max(cell(head, UNTIL), until)
  replace(cells, [...head, ...grants.flat()])
}
