import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'
import { Temporal } from './temporal.js'

/**
 * The IANA name of a time zone in its usual letter case.
 * An alias stays as it is: versions of ICU differ in what it stands for, and every process must name a bucket alike.
 * @throws {ConfigError} on an offset and on a name that is not known here.
 */
export function timeZoneOf(name: string): string {
  const found = isName(name) ? lookUp(name) : undefined
  if (found === undefined) {
    throw new ConfigError(`timeZone: expected an IANA name such as 'Europe/Berlin' or 'UTC', got ${shown(name)}.`)
  }
  return found
}

/** Temporal takes offsets too, which know no daylight saving time. */
function isName(name: unknown): name is string {
  return typeof name === 'string' && /^[a-z][\w+/-]*$/i.test(name)
}

function lookUp(name: string): string | undefined {
  try {
    return new Temporal.ZonedDateTime(0n, name).timeZoneId
  } catch {
    return undefined
  }
}
