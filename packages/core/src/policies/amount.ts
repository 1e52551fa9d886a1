/** What a policy counts. `requests` unless the text says otherwise. */
export type Unit =
  | ('requests' | 'content-bytes' | 'concurrent-requests')
  | ('tokens' | 'input-tokens' | 'output-tokens' | 'micro-dollars' | 'inference-ms')

/** The words of a text for what is counted as it is; `$`, `inference s` and bytes are counted in smaller units. */
const WORDS = {
  requests: 'requests',
  tokens: 'tokens',
  'input tokens': 'input-tokens',
  'output tokens': 'output-tokens',
  'content-bytes': 'content-bytes',
} as const

/** What a text can say behind its number: a word, or none. */
export type UnitWord = keyof typeof WORDS

/** The units that a text can name. */
export const UNITS: readonly Unit[] = [...Object.values(WORDS), 'micro-dollars', 'inference-ms']

/** So many of what. */
export interface Amount {
  /** 1 to 10^15 − 1. */
  readonly quota: number
  readonly unit: Unit
}

const GRAMMAR = new RegExp(
  String.raw`^(?<dollars>\$)?(?<whole>0|[1-9]\d*)(?:\.(?<decimals>\d+))?(?:(?<bytes>B|kB|MB|GB)|(?<suffix>[kM])?` +
    `(?: (?<unit>${Object.keys(WORDS).join('|')}|inference s))?)$`,
)

/** Digits that a suffix moves the decimal point by. Bytes are counted in powers of ten. */
const SHIFT = { '': 0, k: 3, M: 6, B: 0, kB: 3, MB: 6, GB: 9 } as const

/** Quotas have at most 15 digits, as integers in HTTP structured fields do (RFC 9651 §3.3.1). */
const QUOTA_DIGITS = 15

export const LARGEST_QUOTA: number = 10 ** QUOTA_DIGITS - 1

/**
 * Reads `'COUNT[k|M] [UNIT]'`, `'COUNT[k|M|G]B'` or `'$COUNT[k|M]'`: `'100'`, `'1.5M tokens'`, `'50MB'`, `'$0.25'`,
 * `'600 inference s'`. Answers with what is wrong, or with `''` where it is anything else.
 */
export function parseAmount(text: string): Amount | string {
  const parts = GRAMMAR.exec(text)?.groups
  const counted = parts && countedAs(parts['dollars'] !== undefined, parts['bytes'] !== undefined, parts['unit'])
  if (parts === undefined || counted === undefined) return ''
  const { whole = '', decimals = '', bytes } = parts
  const shift = SHIFT[(bytes ?? parts['suffix'] ?? '') as keyof typeof SHIFT] + counted.shift
  if (decimals.length > shift) return counted.tooFine(decimals.length)
  if (whole.length + shift > QUOTA_DIGITS) return counted.tooLarge
  const quota = Number(whole + decimals.padEnd(shift, '0'))
  return quota === 0 ? 'a count is at least 1' : { quota, unit: counted.unit }
}

/** What people write that is nearly an amount. */
export function amountReason(text: string): string | undefined {
  if (/\d,\d/.test(text)) return 'write 1000 or 1k, without a comma'
  if (/^[\d.]+K\b/.test(text)) return 'write k for thousands'
  if (/^[\d.]+\$|^[€£¥]|USD|EUR/i.test(text)) return 'money is in dollars, as in $50'
  const [, unit] = /^\$?[\d.]+[kM]? +(.+)$/.exec(text) ?? []
  if (unit === undefined || unit in WORDS || unit === 'inference s') return undefined
  return `${shownUnit(unit)} is no unit; units: ${Object.keys(WORDS).join(', ')}, inference s`
}

function shownUnit(unit: string): string {
  return JSON.stringify(unit.slice(0, 30))
}

/** How a number is counted: in which unit, how many of its digits are decimals then, and what is said of one that cannot be. */
interface Counted {
  readonly unit: Unit
  readonly shift: number
  readonly tooFine: (decimals: number) => string
  readonly tooLarge: string
}

function countedAs(isDollars: boolean, isBytes: boolean, word: string | undefined): Counted | undefined {
  if (isDollars) return isBytes || word !== undefined ? undefined : DOLLARS
  if (word === 'inference s') return SECONDS
  const unit = isBytes ? 'content-bytes' : WORDS[(word ?? 'requests') as UnitWord]
  return {
    unit,
    shift: 0,
    tooFine: () => 'a count is a whole number',
    tooLarge: 'a count is at most 10^15 − 1',
  }
}

/** Money is counted in whole millionths of a dollar. */
const DOLLARS: Counted = {
  unit: 'micro-dollars',
  shift: 6,
  tooFine: () => 'dollars have at most 6 decimals',
  tooLarge: 'dollars are at most 999,999,999',
}

const SECONDS: Counted = {
  unit: 'inference-ms',
  shift: 3,
  tooFine: () => 'seconds have at most 3 decimals',
  tooLarge: 'seconds are at most 999,999,999,999',
}

/** The singular of a unit, for sentences. */
const NOUNS: Readonly<Record<Exclude<Unit, 'micro-dollars' | 'inference-ms'>, string>> = {
  requests: 'request',
  tokens: 'token',
  'input-tokens': 'input token',
  'output-tokens': 'output token',
  'content-bytes': 'byte',
  'concurrent-requests': 'concurrent request',
}

/** So many units, for people: `1 request`, `1,500 input tokens`, `$0.25`, `1.5 s of inference`. */
export function amountInWords(units: number, unit: Unit): string {
  if (unit === 'micro-dollars') return dollars(units)
  if (unit === 'inference-ms') return `${inUnits(units / 1000, 3)} s of inference`
  const noun = NOUNS[unit] ?? unit
  return `${inUnits(units, 0)} ${noun}${units === 1 ? '' : 's'}`
}

/** `$50`, `$0.25`, `$0.000003`: whole, in cents, or as exact as it is. */
function dollars(microDollars: number): string {
  const cents = microDollars % 10_000 === 0
  const least = microDollars % 1_000_000 === 0 ? 0 : 2
  const format = { minimumFractionDigits: least, maximumFractionDigits: cents ? 2 : 6 }
  return `$${(microDollars / 1e6).toLocaleString('en', format)}`
}

/** A number alone, where its unit has been said: `5`, `$0.25`, `1.5 s`. */
export function numberInWords(units: number, unit: Unit): string {
  if (unit === 'micro-dollars') return dollars(units)
  return unit === 'inference-ms' ? `${inUnits(units / 1000, 3)} s` : inUnits(units, 0)
}

function inUnits(number: number, decimals: number): string {
  return number.toLocaleString('en', { maximumFractionDigits: decimals })
}
