/** What a policy counts. `requests` unless the text says otherwise. */
export type Unit = 'requests' | 'tokens' | 'content-bytes' | 'concurrent-requests'

/** The units that a text can name. */
export const UNITS: readonly Unit[] = ['requests', 'tokens', 'content-bytes']

/** So many of what. */
export interface Amount {
  /** 1 to 10^15 − 1. */
  readonly quota: number
  readonly unit: Unit
}

const GRAMMAR =
  /^(?<whole>0|[1-9]\d*)(?:\.(?<decimals>\d+))?(?:(?<bytes>B|kB|MB|GB)|(?<suffix>[kM])?(?: (?<unit>requests|tokens|content-bytes))?)$/

/** Digits that a suffix moves the decimal point by. Bytes are counted in powers of ten. */
const SHIFT = { '': 0, k: 3, M: 6, B: 0, kB: 3, MB: 6, GB: 9 } as const

/** Quotas have at most 15 digits, as integers in HTTP structured fields do (RFC 9651 §3.3.1). */
const QUOTA_DIGITS = 15

export const LARGEST_QUOTA: number = 10 ** QUOTA_DIGITS - 1

/** Reads `'COUNT[k|M] [UNIT]'` or `'COUNT[k|M|G]B'`: `'100'`, `'1.5M tokens'`, `'50MB'`. Answers with what is wrong, or with `''` where it is anything else. */
export function parseAmount(text: string): Amount | string {
  const parts = GRAMMAR.exec(text)?.groups
  if (parts === undefined) return ''
  const { whole = '', decimals = '', bytes } = parts
  const unit = bytes === undefined ? (parts['unit'] ?? 'requests') : 'content-bytes'
  const shift = SHIFT[(bytes ?? parts['suffix'] ?? '') as keyof typeof SHIFT]
  if (decimals.length > shift) return `a count is a whole number: ${decimals.length} decimals are too many`
  if (whole.length + shift > QUOTA_DIGITS) return 'a count is at most 10^15 − 1'
  const quota = Number(whole + decimals.padEnd(shift, '0'))
  return quota === 0 ? 'a count is at least 1' : { quota, unit: unit as Unit }
}
