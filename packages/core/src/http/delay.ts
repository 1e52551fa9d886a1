import type { Decision } from '../decisions/decision.js'
import { ConfigError, shown } from '../errors.js'
import { checkOptions, checkWhole } from '../options.js'

/** How requests are slowed down. */
export interface DelayOptions {
  /** Units that pass without a delay, a whole number ≥ 0; defaults to a policy's quota. */
  readonly after?: number | undefined
  /** Milliseconds for each unit beyond, 1 to 600,000. */
  readonly stepMs: number
  /** The longest delay in milliseconds, 1 to 600,000; defaults to 60,000. */
  readonly maxMs?: number | undefined
}

/** Returns for how many milliseconds to hold a request, by what its policies have used. */
export type DelayFunction<Req> = (decision: Decision, request: Req) => number | Promise<number>

/** The options, complete and checked. */
export type DelayTerms<Req> =
  | { readonly after: number | undefined; readonly stepMs: number; readonly maxMs: number }
  | DelayFunction<Req>

const LONGEST_MS = 600_000

/** @throws {ConfigError} on options that cannot be right. */
export function checkDelay<Req>(delay: DelayOptions | DelayFunction<Req> | undefined): DelayTerms<Req> | undefined {
  if (delay === undefined || typeof delay === 'function') return delay
  checkOptions('delay', delay, ['after', 'stepMs', 'maxMs'])
  const { after, stepMs, maxMs = 60_000 } = delay
  return {
    after: after === undefined ? undefined : checkWhole('delay.after', after, 0, Number.MAX_SAFE_INTEGER),
    stepMs: checkWhole('delay.stepMs', stepMs, 1, LONGEST_MS),
    maxMs: checkWhole('delay.maxMs', maxMs, 1, LONGEST_MS),
  }
}

/** Milliseconds to hold a request, whole and ≥ 0. @throws {ConfigError} where a function returns anything else. */
export function delayOf<Req>(delay: DelayTerms<Req>, decision: Decision, request: Req): number | Promise<number> {
  if (typeof delay !== 'function') return steps(delay, decision)
  const ms = delay(decision, request)
  return typeof ms === 'number' ? checked(ms) : Promise.resolve(ms).then(checked)
}

function steps({ after, stepMs, maxMs }: Exclude<DelayTerms<never>, DelayFunction<never>>, decision: Decision): number {
  let beyond = 0
  for (const { policy, used } of decision.standings) {
    if (!policy.shadow) beyond = Math.max(beyond, used - (after ?? policy.quota))
  }
  return Math.min(maxMs, beyond * stepMs)
}

function checked(ms: unknown): number {
  if (typeof ms === 'number' && ms >= 0) return Math.min(LONGEST_MS, Math.ceil(ms))
  throw new ConfigError(`delay: its function returned ${shown(ms)} instead of milliseconds ≥ 0.`)
}
