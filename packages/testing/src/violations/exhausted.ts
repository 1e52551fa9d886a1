import type { LoggedRequest } from '../mock/logged-request.js'
import { groupedBy } from './chains.js'
import { EARLY_MS, hasRead, named, type Violation } from './violation.js'

/** Requests that were denied, and sent although an earlier response had said that nothing remains. */
export function ignoredQuotas(logged: readonly LoggedRequest[]): readonly Violation[] {
  const groups = groupedBy(logged, ({ limit, request }) => JSON.stringify([request.key, limit]))
  return [...groups.values()].flatMap((own) =>
    own.flatMap((later, i) => {
      const known = later.denied ? latestKnown(own, i, later) : undefined
      return known === undefined ? [] : [violationOf(known, later)]
    }),
  )
}

/** The latest response that the client had read, where it says that the quota that denied is used up until later. */
function latestKnown(own: readonly LoggedRequest[], index: number, later: LoggedRequest): LoggedRequest | undefined {
  const { at } = later.request
  let i = index - 1
  let known = own[i]
  while (known !== undefined && !hasRead(later, known)) known = own[--i]
  // After a denial, the time that it named counts.
  if (known === undefined || known.denied) return undefined
  const { endedAt = 0 } = known.request
  const isExhausted = later.reported.some(({ address, allowed }) => {
    if (allowed) return false
    const then = known.reported.find((one) => one.address === address)
    return then?.remaining === 0 && then.moreAfterMs !== null && at < endedAt + then.moreAfterMs - EARLY_MS
  })
  return isExhausted ? known : undefined
}

function violationOf(known: LoggedRequest, later: LoggedRequest): Violation {
  return {
    kind: 'ignored-quota',
    message:
      `${named(later.request)} (request ${later.request.number}) was sent although the response to request ${known.request.number} ` +
      'had said that nothing remains, and before there was more.',
    requests: [known.request, later.request],
  }
}
