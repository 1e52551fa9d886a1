import type { LoggedRequest } from '../mock/logged-request.js'

/** A request and its retries, each of which but the last has failed. */
export type Chain = readonly LoggedRequest[]

/** A pause before a retry for which the server had named no time. */
export interface Gap {
  readonly from: LoggedRequest
  readonly to: LoggedRequest
  readonly ms: number
}

/**
 * The retries among these requests: same key, method, path and body, sent after the one before had failed. Where equal requests
 * overlap, nobody can say which of them is the retry of which, and there are no chains of them.
 */
export function chainsOf(logged: readonly LoggedRequest[]): readonly Chain[] {
  return [...groupedBy(logged, (one) => one.fingerprint).values()].filter(isSequence).flatMap(split)
}

/** The pauses of a chain, up to the first for which a time was named. */
export function freeGaps(chain: Chain): readonly Gap[] {
  const gaps: Gap[] = []
  for (const [i, to] of chain.entries()) {
    const from = chain[i - 1]
    if (from === undefined) continue
    if (from.request.waitMs !== undefined) break
    gaps.push({ from, to, ms: to.request.at - (from.request.endedAt ?? from.request.at) })
  }
  return gaps
}

/** Whether a client has reason to send the same request again. */
export function hasFailed({ denied, request: { status, endedAt } }: LoggedRequest): boolean {
  if (endedAt === undefined) return false
  return denied || status === undefined || status === 429 || status >= 500
}

export function groupedBy<T, K>(list: readonly T[], keyOf: (one: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>()
  for (const one of list) {
    const key = keyOf(one)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return groups
}

function isSequence(group: readonly LoggedRequest[]): boolean {
  return group.every(({ request }, i) => {
    const before = group[i - 1]?.request
    return before === undefined || (before.endedAt !== undefined && before.endedAt <= request.at)
  })
}

function split(group: readonly LoggedRequest[]): readonly Chain[] {
  const chains: LoggedRequest[][] = []
  for (const [i, one] of group.entries()) {
    const before = group[i - 1]
    if (before !== undefined && hasFailed(before)) chains.at(-1)?.push(one)
    else chains.push([one])
  }
  return chains.filter(({ length }) => length > 1)
}
