import type { Policy } from '@sluice/core'

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

const SHORT = { day: 'd', hour: 'h', min: 'min', s: 's' } as const

/** A policy in the notation of texts, as far as there is one: `5/15min`, `10k tokens/min`, `100/s burst 20`. */
export function policyText({ quota, unit, windowMs, calendar, lease, burst, algorithm }: Policy): string {
  const amount = unit === 'requests' ? String(quota) : `${quota} ${unit}`
  if (lease !== undefined) return `${quota} at once`
  if (calendar !== undefined) return `${amount}/${calendar.unit}`
  const extra = burst !== quota && algorithm === 'token-bucket' ? ` burst ${burst}` : ''
  return `${amount}/${windowText(windowMs)}${extra}`
}

function windowText(ms: number): string {
  for (const [unit, unitMs] of UNITS) {
    if (ms % unitMs === 0) return ms === unitMs ? unit : `${ms / unitMs}${SHORT[unit]}`
  }
  return `${ms}ms`
}
