export function amount(value: number): string {
  return Intl.NumberFormat('en', {
    notation: value >= 100_000 ? 'compact' : 'standard',
    maximumFractionDigits: 1,
  }).format(value)
}

export function percent(share: number): string {
  return Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: share < 0.1 ? 1 : 0 }).format(share)
}

export function time(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`
}

export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB')
}

export function date(ms: number): string {
  return new Date(ms).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
}

export interface PolicyView {
  readonly name: string
  readonly algorithm: string
  readonly quota: number
  readonly unit: string
  readonly windowMs: number | null
  readonly period: string | null
  readonly mode: 'enforced' | 'shadow' | 'soft'
  readonly plan: string | null
}

/** What a policy says, in words. */
export function said({ quota, unit, windowMs, period }: PolicyView): string {
  const units = unit === 'concurrent-requests' ? 'requests' : unit.replaceAll('-', ' ')
  const what = `${amount(quota)} ${quota === 1 ? units.replace(/s$/, '') : units}`
  if (period !== null) {
    const [unit = '', , zone = ''] = period.split('-', 3)
    return `${what} a ${unit}${zone === '' ? '' : ` (${zone})`}`
  }
  return windowMs === null ? `${what} at once` : `${what} in ${time(windowMs)}`
}

/** What one key may use in such a time, by the first policy whose window is no longer. */
export function limitOfKey(policies: readonly PolicyView[], ms: number): number | undefined {
  const first = policies.find(({ windowMs, unit }) => windowMs !== null && windowMs <= ms && unit === 'requests')
  return first?.windowMs == null ? undefined : (first.quota * ms) / first.windowMs
}
