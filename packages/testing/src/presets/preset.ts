import type { NamedPolicy, Policy, Standing } from '@sluice/core'
import type { Dialect, Field, LimitPolicies, Measured } from '@sluice/core/http'
import { bindingOf } from '@sluice/core/http'
import type { MockAnswer } from '../mock/answer.js'
import type { Incoming } from '../mock/incoming.js'

/** The APIs whose dialect a mock speaks. */
export type PresetName = 'ietf' | 'legacy' | 'github' | 'openai' | 'anthropic' | 'azure' | 'stripe'

/** Policies of one limit of a mock. */
export type MockPolicies = MockPolicy | readonly MockPolicy[]

/** A text such as `'5/10s'`, a policy, or one with a name. */
export type MockPolicy = string | Policy | NamedPolicy

/** One API: how it reports limits, how it denies, and what it usually answers. */
export interface Preset {
  /** The dialects of core that limits are made with; an empty list would switch off the API's own fields as well. */
  readonly dialects: readonly Dialect[]
  /** Whether its responses say what remains and when there will be more. */
  readonly reportsRemaining: boolean
  /** Whether it answers 400 to a POST whose body is no JSON object. */
  readonly readsJson: boolean
  /** Fields of core that it does not send, by lower-case name. */
  readonly omits: readonly string[]
  /** The policies as a limit takes them, with this API's own fields and denials. */
  limited(policies: MockPolicies): LimitPolicies<Incoming>
  /** The answer to a request that passes, where nothing else is asked for. */
  answer(incoming: Incoming): MockAnswer
  /** An error in the API's own form. */
  error(status: number, message: string): MockAnswer
}

/** What an API omits that has fields of its own. */
export const DRAFT_FIELDS: readonly string[] = ['ratelimit', 'ratelimit-policy', 'sluice-warning']

/** Policies with fields and denials of an API. */
export function reporting(
  policies: MockPolicies,
  fields: (standings: readonly Standing[]) => readonly Field[],
  response: NonNullable<ReturnType<Measured<Incoming>['bind']>['response']>,
): Measured<Incoming> {
  return { kind: 'sluice.measured', bind: () => ({ policies, fields, response }) }
}

/** The policy that a field for one policy is about, as clients are shown it. */
export function reportedStanding(standings: readonly Standing[]):
  | {
      readonly limit: number
      readonly remaining: number
      readonly used: number
      readonly moreAfterMs: number
    }
  | undefined {
  const binding = bindingOf(standings)
  if (binding === undefined) return undefined
  const { policy, remaining, moreAfterMs } = binding
  const shown = Math.min(remaining, policy.quota)
  return { limit: policy.quota, remaining: shown, used: policy.quota - shown, moreAfterMs: moreAfterMs ?? 0 }
}

/** Whole seconds to wait, at least 1; `undefined` for what can never pass. */
export function secondsOf(retryAfterMs: number): number | undefined {
  return Number.isFinite(retryAfterMs) ? Math.max(1, Math.ceil(retryAfterMs / 1000)) : undefined
}

/** Whether the client asks for a stream of events. */
export function wantsEvents({ request, json }: Incoming): boolean {
  if (typeof json === 'object' && json !== null && 'stream' in json) return json.stream === true
  return /\btext\/event-stream\b/i.test(request.headers['accept'] ?? '')
}
