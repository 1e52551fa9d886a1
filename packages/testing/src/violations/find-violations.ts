import type { LoggedRequest } from '../mock/logged-request.js'
import { chainsOf } from './chains.js'
import { earlyRequests } from './early.js'
import { ignoredQuotas } from './exhausted.js'
import { herds } from './herd.js'
import { withoutJitter } from './jitter.js'
import { withoutBackoff } from './pace.js'
import type { Violation } from './violation.js'

/** What clients did wrong by what was logged, in the order in which it showed. */
export function findViolations(logged: readonly LoggedRequest[]): readonly Violation[] {
  const chains = chainsOf(logged)
  const found = [
    ...earlyRequests(logged),
    ...ignoredQuotas(logged),
    ...herds(logged),
    ...withoutBackoff(chains),
    ...withoutJitter(chains),
  ]
  return found.sort((one, other) => lastOf(one) - lastOf(other))
}

function lastOf({ requests }: Violation): number {
  return requests.at(-1)?.number ?? 0
}
