/** Reads the time of a line: Unix milliseconds, NaN where it is none, or before 1970. Lines of one second share their text, so the last answer is kept. */
export class TimeReader {
  /** Whether no time so far had a fraction of a second. */
  isCoarse = true
  /** Whether lines say how long requests took. */
  hasDurations = false
  readonly #parse: (text: string) => number
  #text = ''
  #ms = Number.NaN

  constructor(parse: (text: string) => number) {
    this.#parse = parse
  }

  read(text: string): number {
    if (text === this.#text) return this.#ms
    const parsed = this.#parse(text)
    const ms = parsed < 0 ? Number.NaN : parsed
    this.#text = text
    this.#ms = ms
    if (this.isCoarse && ms % 1000 !== 0 && !Number.isNaN(ms)) this.isCoarse = false
    return ms
  }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const CLF = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: ([+-])(\d\d)(\d\d))?$/

/** `10/Oct/2026:13:55:36 +0200`, as Apache and nginx write it; without an offset it is UTC. */
export function clfTime(text: string): number {
  const match = CLF.exec(text)
  if (match === null) return Number.NaN
  const [, day, name = '', year, hour, minute, second, fraction = '', sign, offsetHours, offsetMinutes] = match
  const month = MONTHS.indexOf(name)
  if (month < 0) return Number.NaN
  const utc = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second))
  // 31 February is another day.
  const isTime = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 61 && Number(offsetHours ?? 0) < 15
  if (!isTime || new Date(Date.UTC(Number(year), month, Number(day))).getUTCDate() !== Number(day)) return Number.NaN
  const ms = Math.round(Number(`0.${fraction || '0'}`) * 1000)
  const offset = sign === undefined ? 0 : Number(`${sign}1`) * (Number(offsetHours) * 60 + Number(offsetMinutes))
  return utc + ms - offset * 60_000
}

/** ISO 8601; a time without an offset is UTC, unlike in `Date.parse`. */
export function isoTime(text: string): number {
  const hasOffset = /(?:Z|[+-]\d\d:?\d\d)$/i.test(text)
  return Math.floor(Date.parse(hasOffset ? text : `${text.replace(' ', 'T')}Z`))
}

/** Seconds since 1970, with a fraction if any: `1767225600.123`. Longer numbers are milliseconds, microseconds or nanoseconds. */
export function unixTime(text: string): number {
  const value = text === '' ? Number.NaN : Number(text)
  if (value < 1e11) return Math.round(value * 1000)
  if (value < 1e14) return Math.round(value)
  return Math.floor(value < 1e17 ? value / 1e3 : value / 1e6)
}

/** Whichever of the three it is. */
export function anyTime(text: string): number {
  if (/^\d+(?:\.\d+)?$/.test(text)) return unixTime(text)
  const ms = isoTime(text)
  return Number.isNaN(ms) ? clfTime(text) : ms
}
