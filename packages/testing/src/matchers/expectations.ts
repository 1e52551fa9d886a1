import { ConfigError } from '@sluice/core'
import { checkOptions, shown } from '@sluice/core/runtime'

/** A number, or the range in which it has to be, both ends included. */
export type NumberOrRange = number | readonly [least: number, most: number]

/** What a denial is expected to say. What is not given is not looked at. */
export interface ExpectedDenial {
  /** The name of a policy that denied. */
  readonly policy?: string | undefined
  /** Seconds of `Retry-After`. */
  readonly retryAfter?: NumberOrRange | undefined
}

/** What a response is expected to report. What is not given is not looked at. */
export interface ExpectedRateLimit {
  /** The name of the policy, where the response reports several. */
  readonly policy?: string | undefined
  /** Units in a window. */
  readonly limit?: NumberOrRange | undefined
  /** Units that are left. */
  readonly remaining?: NumberOrRange | undefined
}

/** @throws {ConfigError} on an expectation that cannot be right: a misspelt one would always hold. */
export function checkExpected<Expected extends object>(
  place: string,
  expected: Expected,
  numbers: readonly (keyof Expected & string)[],
): Expected {
  checkOptions(place, expected, ['policy', ...numbers])
  const policy: unknown = Reflect.get(expected, 'policy')
  if (policy !== undefined && typeof policy !== 'string') {
    throw new ConfigError(`${place}: policy is the name of a policy, got ${shown(policy)}.`)
  }
  for (const name of numbers) {
    const given: unknown = expected[name]
    const isRange = Array.isArray(given) && given.length === 2 && given.every((end) => typeof end === 'number')
    if (given !== undefined && typeof given !== 'number' && !isRange) {
      throw new ConfigError(`${place}: ${name} is a number or a range such as [1, 60], got ${shown(given)}.`)
    }
  }
  return expected
}

export function isWithin(value: number | null | undefined, expected: NumberOrRange | undefined): boolean {
  if (expected === undefined) return true
  if (value === undefined || value === null) return false
  const [least, most] = typeof expected === 'number' ? [expected, expected] : expected
  return value >= least && value <= most
}

/** An expectation in words: `policy "login" and retryAfter 1 to 60`. */
export function inWords(expected: object): string {
  const parts = Object.entries(expected)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(' to ') : JSON.stringify(value)}`)
  return parts.join(' and ')
}
