import { ConfigError, type Policy, tokenBucket } from '@sluice/core'
import { describe } from '@sluice/core/runtime'
import { quota } from '@sluice/quota'
import { isRoute } from './route-pattern.js'

/** What `--limit` says: `login: 5/15min`, `POST /login: 5/15min`, `10/s burst 20, 1000/day`. */
export interface LimitText {
  readonly name: string
  readonly route: string | undefined
  readonly policies: readonly (string | Policy)[]
  /** As it was written, without the name. */
  readonly text: string
}

const BURST = /^(?<rate>\S.*?)\s+burst\s+(?<burst>\d+)$/
const PERIOD = /\/(?:month|quarter|year|lifetime)$/

/** @throws {ConfigError} on what is no limit, with an example. */
export function parseLimitText(given: string): LimitText {
  const colon = given.lastIndexOf(': ')
  const label = colon < 0 ? '' : given.slice(0, colon).trim()
  const text = (colon < 0 ? given : given.slice(colon + 2)).trim()
  if (text === '')
    throw new ConfigError(`--limit: expected a limit such as '100/min' or 'login: 5/15min', got '${given}'.`)
  const policies = text.split(/\s*,\s*/).map(policyIn)
  if (isRoute(label)) return { name: label, route: label, policies, text }
  return { name: label === '' ? text : label, route: undefined, policies, text }
}

function policyIn(text: string): string | Policy {
  try {
    const { rate, burst } = BURST.exec(text)?.groups ?? {}
    if (rate !== undefined) return tokenBucket(rate as '1/s', { burst: Number(burst) })
    // A rate is checked where it is bound; what is no rate may be a calendar's.
    return PERIOD.test(text) ? quota(text as '1/month') : text
  } catch (error) {
    throw new ConfigError(`--limit: ${describe(error)}`)
  }
}
