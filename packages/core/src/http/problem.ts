import type { Decision } from '../decisions/decision.js'
import type { Standing } from '../decisions/standing.js'
import { amountInWords, numberInWords } from '../policies/amount.js'
import type { Policy } from '../policies/policy.js'
import { retryAfterSeconds } from './headers.js'
import type { Reply } from './reply.js'

/**
 * The usual response to a denied request: RFC 9457 problem details, or the sentence alone for a client whose `Accept`
 * prefers text. 429; 403 for a client that is blocked for good; 503 where clients share what is full, or where the store is
 * unavailable and `onStoreError` is `'deny'`.
 * @example limit('5/min', { response: (decision) => ({ ...problem(decision), status: 420 }) })
 */
export function problem(decision: Decision, accept?: string): Reply {
  const { status, type, title } = kindOf(decision)
  const detail = sentenceOf(decision)
  if (prefersText(accept)) return { status, body: `${detail}\n` }
  const denied = decision.standings.filter(denies)
  const retryAfter = retryAfterSeconds(denied)
  return {
    status,
    headers: { 'content-type': 'application/problem+json' },
    body: {
      type: type === undefined ? 'about:blank' : `https://iana.org/assignments/http-problem-types#${type}`,
      title,
      status,
      detail,
      'violated-policies': denied.map((standing) => standing.policy.name),
      ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
    },
  }
}

/** What a denial is: the server's want of room, a client that is shut out, or one that has asked for too much. */
function kindOf(decision: Decision): {
  readonly status: number
  readonly type: string | undefined
  readonly title: string
} {
  if (isUndecided(decision) || isFull(decision)) {
    return { status: 503, type: 'temporary-reduced-capacity', title: 'Temporarily out of capacity' }
  }
  const { override } = decision
  if (override?.to === 'banned')
    return { status: 429, type: 'abnormal-usage-detected', title: 'Abnormal usage detected' }
  // To come back later is of no use.
  if (override?.to === 'blocked' && override.expiresAt === null)
    return { status: 403, type: undefined, title: 'Forbidden' }
  return { status: 429, type: 'quota-exceeded', title: 'Too many requests' }
}

/** What happened and when to come back, in one sentence for the client. */
export function sentenceOf(decision: Decision): string {
  return isUndecided(decision) ? UNDECIDED : sentence(decision)
}

/** Whether nobody could decide: of slots nobody knows when there are more either, but this process has counted them. */
export function isUndecided({ degraded, binding }: Decision): boolean {
  if (!degraded || binding === undefined || binding.moreAfterMs !== null) return false
  return Number.isFinite(binding.retryAfterMs) && (binding.policy.lease === undefined || binding.at === 0)
}

/** Whether what denies is only what clients share: then none of them has asked for too much. */
function isFull({ standings }: Decision): boolean {
  const denied = standings.filter(denies)
  return denied.length > 0 && denied.every(({ policy }) => policy.lease?.shared === true)
}

/** The store could not be asked, and the limit denies without it: the server is at fault, not its client. */
const UNDECIDED = 'The server cannot check its limits at the moment. Try again in a second.'

function denies(standing: Standing): boolean {
  return !standing.allowed && !standing.policy.shadow
}

/** What happened and when to come back, in words. */
function sentence({ binding, asks, override }: Decision): string {
  if (binding === undefined) return 'Too many requests.'
  if (override?.to === 'blocked') return blockedSentence(binding)
  if (override?.to === 'banned') return bannedSentence(binding)
  const cost = asks.find((ask) => ask.policy === binding.policy)?.cost ?? 1
  const { policy, remaining, retryAfterMs, period } = binding
  if (policy.lease !== undefined) return slotsSentence(binding, policy.lease.shared, cost)
  const limit = `The limit "${policy.name}" (${rate(policy)})`
  if (period !== undefined) return quotaSentence(binding, period.end, cost)
  if (retryAfterMs === Number.POSITIVE_INFINITY) {
    return `${limit} lets at most ${amountInWords(policy.capacity, policy.unit)} through at once; this request needs ${numberInWords(cost, policy.unit)}.`
  }
  const wait = duration(Math.max(1, Math.ceil(retryAfterMs / 1000)))
  return `${limit} ${state(policy, remaining, cost)}${held(binding)}. Try again in ${wait}.`
}

/** What may come back before its time. */
function held({ reserved, policy: { unit } }: Standing): string {
  if (reserved === 0) return ''
  return `; ${amountInWords(reserved, unit)} of the limit ${reserved === 1 ? 'is' : 'are'} reserved by requests in progress`
}

/** When slots become free is an estimate, and said so. */
function slotsSentence({ policy, remaining, retryAfterMs }: Standing, shared: boolean, cost: number): string {
  const { name, quota } = policy
  const limit = `The limit "${name}" (${quota.toLocaleString('en')} at a time)`
  if (retryAfterMs === Number.POSITIVE_INFINITY) return `${limit} never has room for ${cost.toLocaleString('en')}.`
  const state =
    remaining > 0
      ? `has room for ${remaining.toLocaleString('en')}, and this request needs ${cost.toLocaleString('en')}`
      : shared
        ? 'is full: all of it is in use by other requests'
        : 'is full: as many of your requests are still in progress'
  return `${limit} ${state}. Try again in about ${duration(Math.max(1, Math.ceil(retryAfterMs / 1000)))}.`
}

function bannedSentence({ policy, retryAfterMs }: Standing): string {
  const what = `The limit "${policy.name}" has shut this client out, since too many of its requests were denied`
  if (retryAfterMs === Number.POSITIVE_INFINITY) return `The limit "${policy.name}" has shut this client out.`
  return `${what}. Try again in ${duration(Math.max(1, Math.ceil(retryAfterMs / 1000)))}.`
}

function blockedSentence({ policy, retryAfterMs }: Standing): string {
  const what = `The limit "${policy.name}" is set to let nothing of this client through`
  if (retryAfterMs === Number.POSITIVE_INFINITY) return `${what}.`
  return `${what} for now. Try again in ${duration(Math.max(1, Math.ceil(retryAfterMs / 1000)))}.`
}

/** A quota's period ends at a time of its own time zone, which says more than a number of days. */
function quotaSentence(standing: Standing, end: number, cost: number): string {
  const { policy, remaining, retryAfterMs } = standing
  const { name, quota, unit, calendar } = policy
  const per = calendar?.unit === 'lifetime' ? 'in all' : `per ${calendar?.unit}`
  const what = `The quota "${name}" (${amountInWords(quota, unit)} ${per}) ${state(policy, remaining, cost)}${held(standing)}.`
  if (end === Number.POSITIVE_INFINITY || calendar === undefined) return what
  const until = dateIn(calendar.timeZone, end)
  if (retryAfterMs === Number.POSITIVE_INFINITY)
    return `${what} A new period begins on ${until}, but that is too little for it.`
  return `${what} Try again from ${until} on.`
}

function state({ unit }: Policy, remaining: number, cost: number): string {
  if (remaining === 0) return 'is used up'
  return `has ${numberInWords(remaining, unit)} left, and this request needs ${numberInWords(cost, unit)}`
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** `1 December 2026 at 00:00 (Europe/Berlin)`. */
function dateIn(timeZone: string, time: number): string {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'long', timeStyle: 'short' })
    formats.set(timeZone, format)
  }
  return `${format.format(time)} (${timeZone})`
}

function rate({ quota, unit, windowMs }: Policy): string {
  const window = windowMs % 1000 === 0 ? exactly(windowMs / 1000) : `${windowMs} ms`
  return `${amountInWords(quota, unit)} in ${window}`
}

const PARTS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

/** The two largest parts: `1 hour 5 minutes`, `42 seconds`. Never shorter than it is. */
function duration(seconds: number): string {
  const first = PARTS.findIndex(([, length]) => seconds >= length)
  const smallest = PARTS[Math.min(first + 1, PARTS.length - 1)]?.[1] ?? 1
  return exactly(Math.ceil(seconds / smallest) * smallest)
}

function exactly(seconds: number): string {
  let left = seconds
  const words: string[] = []
  for (const [noun, length] of PARTS) {
    const count = Math.floor(left / length)
    left -= count * length
    if (count > 0) words.push(`${count} ${noun}${count === 1 ? '' : 's'}`)
  }
  return words.join(' ')
}

/** Whether `Accept` ranks plain text or HTML above JSON (RFC 9110 §12.5.1). */
function prefersText(accept: string | undefined): boolean {
  if (accept === undefined || !/text\//i.test(accept)) return false
  const text = Math.max(quality(accept, 'text', 'plain'), quality(accept, 'text', 'html'))
  return text > Math.max(quality(accept, 'application', 'json'), quality(accept, 'application', 'problem+json'))
}

/** The weight of the most specific range that covers the type. */
function quality(accept: string, type: string, subtype: string): number {
  let weight = 0
  let specificity = -1
  for (const range of accept.toLowerCase().split(',')) {
    const [media = '', ...parameters] = range.split(';').map((part) => part.trim())
    const covers = ['*/*', `${type}/*`, `${type}/${subtype}`].indexOf(media)
    if (covers <= specificity) continue
    specificity = covers
    const given = parameters.find((parameter) => parameter.startsWith('q='))
    weight = given === undefined ? 1 : Number(given.slice(2)) || 0
  }
  return weight
}
