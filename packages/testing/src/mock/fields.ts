import type { Field } from '@sluice/core/http'

const UNIX_SECONDS = 'x-ratelimit-reset'
const INSTANT = /^anthropic-ratelimit-.+-reset$/

/**
 * A field as a server writes it whose clock is ahead of this process's by so many milliseconds: only the fields that hold an
 * instant change, not those that hold a time to wait.
 */
export function shiftedField([name, value]: Field, aheadMs: number): Field {
  if (aheadMs === 0) return [name, value]
  const lower = name.toLowerCase()
  if (lower === UNIX_SECONDS && /^\d{9,}$/.test(value)) return [name, String(Math.ceil(Number(value) + aheadMs / 1000))]
  if (!INSTANT.test(lower)) return [name, value]
  const shifted = new Date(Math.ceil((Date.parse(value) + aheadMs) / 1000) * 1000)
  return [name, shifted.toISOString().replace('.000Z', 'Z')]
}

/**
 * Milliseconds that a response asks its client to wait: `retry-after-ms`, or else `Retry-After` in seconds or as a date of the
 * server's clock. `undefined` where it asks for nothing that can be read.
 */
export function announcedWaitMs(header: (name: string) => unknown, serverNow: number): number | undefined {
  const exact = header('retry-after-ms')
  if (exact !== undefined && /^\d+(?:\.\d+)?$/.test(String(exact))) return Number(exact)
  const value = header('retry-after')
  if (value === undefined) return undefined
  const text = String(value)
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - serverNow)
}
