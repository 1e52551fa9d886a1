import { pathOf } from '../mock/incoming.js'
import type { LoggedRequest } from '../mock/logged-request.js'
import { groupedBy } from './chains.js'
import { EARLY_MS, hasRead, named, type Violation } from './violation.js'

/** Requests that came before the time that an earlier response to the same client had named. */
export function earlyRequests(logged: readonly LoggedRequest[]): readonly Violation[] {
  return [...groupedBy(logged, ({ request }) => request.key).values()].flatMap((own) => {
    const violations: Violation[] = []
    /** Responses whose time has not come. */
    let pending: LoggedRequest[] = []
    for (const later of own) {
      pending = pending.filter(({ request: { endedAt = 0, waitMs = 0 } }) => endedAt + waitMs > later.request.at)
      const told = pending.findLast((earlier) => mustWaitFor(later, earlier))
      if (told !== undefined) violations.push(violationOf(told, later))
      if (later.request.waitMs !== undefined && later.request.endedAt !== undefined) pending.push(later)
    }
    return violations
  })
}

function mustWaitFor(later: LoggedRequest, earlier: LoggedRequest): boolean {
  const { waitMs = 0, endedAt = 0 } = earlier.request
  const { at } = later.request
  if (!hasRead(later, earlier) || at >= endedAt + waitMs - EARLY_MS) return false
  if (!isSamePlace(later, earlier)) return false
  // Another request may cost less, and so pass sooner than the one that was denied.
  return later.fingerprint === earlier.fingerprint || later.limit === undefined || later.denied
}

/** Of a denial, the limit that denied; of any other failure, the target. */
function isSamePlace(later: LoggedRequest, earlier: LoggedRequest): boolean {
  if (earlier.limit !== undefined && later.limit !== undefined) return earlier.limit === later.limit
  const [one, other] = [earlier.request, later.request]
  return one.method === other.method && pathOf(one.path) === pathOf(other.path)
}

function violationOf(earlier: LoggedRequest, later: LoggedRequest): Violation {
  const { waitMs = 0, endedAt = 0, status, number } = earlier.request
  const afterMs = later.request.at - endedAt
  return {
    kind: 'early',
    message:
      `${named(later.request)} (request ${later.request.number}) came ${afterMs} ms after the ${status} of request ${number}, ` +
      `which asked to wait ${Math.ceil(waitMs)} ms.`,
    requests: [earlier.request, later.request],
  }
}
