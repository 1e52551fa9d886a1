/** Numbers below are seconds from now: nobody waits for 31 years. */
const SMALLEST_UNIX_SECONDS = 1e9
/** Numbers from here on are Unix milliseconds: as seconds, they would be in the year 5138. */
const SMALLEST_UNIX_MS = 1e11
/** The largest time that a Date can hold. */
const LARGEST_MS = 8.64e15

const NUMBER = /^\d+(?:\.\d+)?$/
const ISO = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?$/
const GO_DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h|d))+$/
const GO_PART = /(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h|d)/g
const GO_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/**
 * When a field's time is, in Unix milliseconds by this process's clock; `null` where it is none of these:
 * a number below 10^9 is seconds from now, below 10^11 Unix seconds, otherwise Unix milliseconds; `1m30s` is a Go duration;
 * an ISO 8601 instant, of UTC where it names no zone; an HTTP date in any of its three forms.
 * @param skewMs how much this process's clock is ahead of the server's.
 */
export function instantOf(text: string, now: number, skewMs: number): number | null {
  const trimmed = text.trim()
  if (NUMBER.test(trimmed)) return ofNumber(Number(trimmed), now, skewMs)
  if (GO_DURATION.test(trimmed)) return inRange(now + durationOf(trimmed))
  const at = ISO.test(trimmed) ? isoInstant(trimmed) : httpDate(trimmed)
  return at === null ? null : inRange(at + skewMs)
}

/** So many seconds or milliseconds from now; decimals are allowed, negative numbers are not. */
export function delayOf(text: string, unitMs: number, now: number): number | null {
  const trimmed = text.trim()
  return NUMBER.test(trimmed) ? inRange(now + Number(trimmed) * unitMs) : null
}

/** So many seconds from now. */
export function inSeconds(seconds: number, now: number): number {
  return inRange(now + seconds * 1_000)
}

function ofNumber(value: number, now: number, skewMs: number): number {
  if (value < SMALLEST_UNIX_SECONDS) return inRange(now + value * 1_000)
  return inRange((value < SMALLEST_UNIX_MS ? value * 1_000 : value) + skewMs)
}

/** What is further away than a Date can be is as far away as that: it must not pass for a time that nobody knows. */
function inRange(ms: number): number {
  return Math.min(Math.ceil(ms), LARGEST_MS)
}

function durationOf(text: string): number {
  let ms = 0
  for (const [, count, unit = ''] of text.matchAll(GO_PART)) ms += Number(count) * (GO_MS[unit] ?? 0)
  return ms
}

function isoInstant(text: string): number | null {
  const zoned = /(?:[Zz]|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`
  const at = Date.parse(zoned.replace(' ', 'T').toUpperCase())
  return Number.isNaN(at) ? null : at
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
/** RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`. */
const IMF_FIXDATE = /^[a-z]{3}, (\d{1,2}) ([a-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:gmt|utc)$/i
const RFC_850 = /^[a-z]{6,9}, (\d\d)-([a-z]{3})-(\d\d) (\d\d):(\d\d):(\d\d) (?:gmt|utc)$/i
const ASCTIME = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/i

/** An HTTP date in Unix milliseconds; `null` where it is none. */
export function httpDate(text: string): number | null {
  let match = IMF_FIXDATE.exec(text)
  if (match !== null) return utc(Number(match[3]), match[2], match[1], match[4], match[5], match[6])
  match = RFC_850.exec(text)
  if (match !== null) return utc(fullYear(Number(match[3])), match[2], match[1], match[4], match[5], match[6])
  match = ASCTIME.exec(text)
  return match === null ? null : utc(Number(match[6]), match[1], match[2], match[3], match[4], match[5])
}

/** Two digits that seem more than fifty years in the future are of the past century. */
function fullYear(digits: number): number {
  const thisYear = new Date().getUTCFullYear()
  const year = thisYear - (thisYear % 100) + digits
  return year > thisYear + 50 ? year - 100 : year
}

function utc(year: number, monthName = '', ...rest: readonly (string | undefined)[]): number | null {
  const month = MONTHS.indexOf(monthName.toLowerCase())
  const [day = 0, hour = 0, minute = 0, second = 0] = rest.map(Number)
  if (month < 0 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null
  const at = Date.UTC(year, month, day, hour, minute, second)
  // Not the 31st of February.
  return new Date(Date.UTC(year, month, day)).getUTCMonth() === month ? at : null
}
