import type { LoggedRequest } from '../mock/logged-request.js'
import { groupedBy, hasFailed } from './chains.js'
import { EARLY_MS, type Violation } from './violation.js'

/** Requests that come within so many milliseconds come at the same instant. */
const INSTANT_MS = 100
/** The fewest that are a herd, and the fewest where nobody knows how many would pass. */
const HERD = 5
const HERD_AFTER_FAILURE = 10
/** A client may send at once what the whole quota lets through, and is not expected to count exactly. */
const QUOTA_SHARE = 1.5

/** Requests of one client that all waited for a time that was named, and came back together. */
export function herds(logged: readonly LoggedRequest[]): readonly Violation[] {
  return [...groupedBy(logged, ({ request }) => request.key).values()].flatMap((own) =>
    bursts(retriesAfterWaits(own)).filter(isHerd).map(violationOf),
  )
}

/** What was sent again at or after the time that a response had named: for each such response, the next equal request. */
function retriesAfterWaits(own: readonly LoggedRequest[]): readonly LoggedRequest[] {
  return [...groupedBy(own, (one) => one.fingerprint).values()]
    .flatMap((equal) => {
      const retries: LoggedRequest[] = []
      const waiting: LoggedRequest[] = []
      for (const one of equal) {
        const index = waiting.findIndex((earlier) => returnsAt(earlier) - EARLY_MS <= one.request.at)
        if (index !== -1) {
          retries.push(one)
          waiting.splice(index, 1)
        }
        if (hasFailed(one) && (one.request.waitMs ?? 0) > 0) waiting.push(one)
      }
      return retries
    })
    .sort((one, other) => one.request.number - other.request.number)
}

function returnsAt({ request: { endedAt = 0, waitMs = 0 } }: LoggedRequest): number {
  return endedAt + waitMs
}

function bursts(retries: readonly LoggedRequest[]): readonly (readonly LoggedRequest[])[] {
  const found: LoggedRequest[][] = []
  let begin = Number.NEGATIVE_INFINITY
  for (const one of retries) {
    if (one.request.at - begin > INSTANT_MS) {
      begin = one.request.at
      found.push([])
    }
    found.at(-1)?.push(one)
  }
  return found
}

function isHerd(burst: readonly LoggedRequest[]): boolean {
  const denials = burst.flatMap(({ denied, reported }) => (denied ? reported.filter(({ allowed }) => !allowed) : []))
  if (denials.length > 0) {
    const capacity = Math.min(...denials.map((denial) => denial.capacity))
    return burst.length >= Math.max(HERD, QUOTA_SHARE * capacity)
  }
  return burst.length >= HERD_AFTER_FAILURE && burst.every(({ limit }) => limit === undefined)
}

function violationOf(burst: readonly LoggedRequest[]): Violation {
  const denied = burst.filter((one) => one.denied).length
  return {
    kind: 'herd',
    message: `${burst.length} requests that had waited came back within ${INSTANT_MS} ms${denied === 0 ? '' : `; ${denied} of them were denied again`}.`,
    requests: burst.map(({ request }) => request),
  }
}
