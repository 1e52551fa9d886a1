import { hintOf, type Verdict } from '../call/verdict.js'
import { peekText } from './discard.js'

/** A denial is a short text. */
const MOST_BYTES = 16_384
const MOST_MS = 1_000

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

/** A 429, with what its body says: whether a quota or a credit is used up. */
export async function judgeDenial(response: Response, verdict: Verdict): Promise<Verdict> {
  if (!/\bjson\b/i.test(response.headers.get('content-type') ?? '')) return verdict
  const reason = quotaReason(await peekText(response, MOST_BYTES, MOST_MS), verdict)
  return reason === undefined ? verdict : { ...verdict, quota: reason }
}

function quotaReason(text: string, verdict: Verdict): string | undefined {
  const body = parsed(text)
  if (body === undefined) return undefined
  // RFC 9457 and the RateLimit draft's problem types: used for rates too.
  if (typeof body['type'] === 'string' && body['type'].endsWith('#quota-exceeded')) {
    const { retryAt } = hintOf(verdict)
    return retryAt !== null && retryAt - Date.now() >= HOUR_MS ? String(body['detail'] ?? 'quota-exceeded') : undefined
  }
  const error = typeof body['error'] === 'object' && body['error'] !== null ? body['error'] : body
  const { code, type, message } = error as {
    readonly code?: unknown
    readonly type?: unknown
    readonly message?: unknown
  }
  const known = [code, type].find((name) => QUOTA_CODES.has(name))
  return known === undefined ? undefined : `${String(known)}: ${String(message ?? '').slice(0, 200)}`
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}
