/** With less to wait, a quota is a rate. */
const HOUR_MS = 3_600_000

/** Codes of APIs that mean: pay, or come back another day. */
const QUOTA_CODES: ReadonlySet<unknown> = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'credit_balance_too_low',
  'quota_exhausted',
])

/**
 * Why a 429 means that a quota or a credit is used up; `undefined` where it is a rate, or the body does not say.
 * @param body as text, or as something has parsed it.
 */
export function quotaReason(body: unknown, retryAt: number | null): string | undefined {
  const fields = typeof body === 'string' ? parsed(body) : body
  if (!isRecord(fields)) return undefined
  // RFC 9457 and the RateLimit draft's problem types: used for rates too.
  if (typeof fields['type'] === 'string' && fields['type'].endsWith('#quota-exceeded')) {
    const isFar = retryAt !== null && retryAt - Date.now() >= HOUR_MS
    return isFar ? textOf(fields['detail'] ?? 'quota-exceeded') : undefined
  }
  const { code, type, message } = isRecord(fields['error']) ? fields['error'] : fields
  const known = [code, type].find((name) => QUOTA_CODES.has(name))
  return known === undefined ? undefined : `${String(known)}: ${textOf(message ?? '')}`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** A server's words, never a megabyte of them. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 200).replace(/\p{Cc}+/gu, ' ') : ''
}
