import { quotaReason } from '../call/quota-reason.js'
import { hintOf, type Verdict } from '../call/verdict.js'
import { peekText } from './discard.js'

/** A denial is a short text. */
const MOST_BYTES = 16_384
const MOST_MS = 1_000

/** A 429, with what its body says: whether a quota or a credit is used up. `undefined` where it says nothing. */
export function judgeDenial(response: Response, verdict: Verdict): Promise<Verdict> | undefined {
  return /\bjson\b/i.test(response.headers.get('content-type') ?? '') ? withQuota(response, verdict) : undefined
}

async function withQuota(response: Response, verdict: Verdict): Promise<Verdict> {
  const quota = quotaReason(await peekText(response, MOST_BYTES, MOST_MS), hintOf(verdict).retryAt)
  return quota === undefined ? verdict : { ...verdict, quota }
}
