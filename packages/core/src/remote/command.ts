import { NEVER } from '../algorithms/quota-bucket.js'
import { periodsKept } from '../algorithms/quota-period.js'
import type { Ask, Return } from '../decisions/ask.js'
import type { Edit } from '../decisions/edit.js'
import type { Calendar } from '../policies/calendar.js'
import type { Policy } from '../policies/policy.js'
import type { TextEntry } from '../stores/store.js'

export type Verb = 'take' | 'look' | 'give' | 'renew' | Edit['verb'] | 'read' | 'write'

/** An id that counts once: its digest, and until when such an id is kept. */
export interface OnceArgs {
  readonly id: string
  readonly keepMs: number
}

/**
 * Commands for the script, as JSON: a verb, in tests the time in place of the server's own, and the policies, each with its
 * cost and, to give back, when it was taken. Most entries ask what the one before them asked, only for another key.
 */
export class Commands {
  readonly #clock: () => number
  #verb: Verb | undefined
  #asks: readonly Ask[] = []
  #text = ''
  #released: readonly Ask[] = []
  #releaseText = ''
  /** The text holds the periods of quotas: between these times it is right. */
  #from = Number.NEGATIVE_INFINITY
  #until = Number.POSITIVE_INFINITY

  /** @param clock what the server's own clock says, as far as is known. */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** `now` in milliseconds, in tests; otherwise the server's own clock decides. */
  of(verb: Verb, asks: readonly (Ask | Return | Edit)[], now: number | undefined): string {
    if (now === undefined && verb === 'give' && asks.every(({ lease }) => lease !== undefined))
      return this.#release(asks)
    if (now !== undefined || (verb !== 'take' && verb !== 'look')) return this.#commandOf(verb, asks, now, undefined)
    if (verb === this.#verb && alike(asks, this.#asks) && this.#isRight()) return this.#text
    this.#verb = verb
    this.#asks = asks
    this.#noteTimes(asks)
    this.#text = this.#commandOf(verb, asks, now, undefined)
    return this.#text
  }

  /** What is released is said beside the command: one text serves all of a limit. */
  #release(asks: readonly Ask[]): string {
    if (this.#releaseText === '' || !alike(asks, this.#released)) {
      this.#released = asks
      this.#releaseText = this.#commandOf('give', asks, undefined, undefined)
    }
    return this.#releaseText
  }

  /** A take that an id counts once, or what gives it back. */
  once(verb: Verb, asks: readonly (Ask | Return | Edit)[], once: OnceArgs, now: number | undefined): string {
    return this.#commandOf(verb, asks, now, once)
  }

  /** Between which times a text of these asks is right. */
  #noteTimes(asks: readonly Ask[]): void {
    this.#from = Number.NEGATIVE_INFINITY
    this.#until = Number.POSITIVE_INFINITY
    for (const { policy } of asks) {
      if (policy.calendar === undefined) continue
      const { start, end } = policy.calendar.periodAt(this.#clock())
      this.#from = Math.max(this.#from, start)
      this.#until = Math.min(this.#until, end)
    }
  }

  #isRight(): boolean {
    if (this.#until === Number.POSITIVE_INFINITY) return true
    const now = this.#clock()
    return now >= this.#from && now < this.#until
  }

  renew(now: number | undefined): string {
    return JSON.stringify({ verb: 'renew', now, policies: [] })
  }

  readTexts(known: string): string {
    return JSON.stringify({ verb: 'read', known, policies: [] })
  }

  /** The first letter of a name is its kind's: t for overrides, b for bans. */
  writeText({ kind, name, text, expiresAt, holdsUntil }: TextEntry, now: number | undefined): string {
    const expires = Math.min(expiresAt, NEVER)
    const holds = holdsUntil === undefined ? undefined : Math.min(holdsUntil, NEVER)
    const letter = kind === 'ban' ? 'b' : 't'
    const entry = { name: letter + name, text, expires, holds }
    return JSON.stringify({ verb: 'write', ...entry, now, policies: [] })
  }

  #commandOf(
    verb: Verb,
    asks: readonly (Ask | Return | Edit)[],
    now: number | undefined,
    once: OnceArgs | undefined,
  ): string {
    const policies = asks
      .map((ask) => `{${this.#policyText(ask.policy, now)},"cost":${ask.cost}${more(ask)}}`)
      .join(',')
    const at = now === undefined ? '' : `"now":${now},`
    const only = once === undefined ? '' : `"once":"${once.id}","keep":${once.keepMs},`
    return `{"verb":"${verb}",${at}${only}"policies":[${policies}]}`
  }

  #policyText(policy: Policy, now: number | undefined): string {
    let text = texts.get(policy)
    if (text === undefined) {
      text = textOf(policy)
      texts.set(policy, text)
    }
    if (policy.calendar === undefined) return text
    const at = now ?? this.#clock()
    return `${text},"at":[${beginnings(policy.calendar, at).join()}]`
  }
}

/** When six periods begin, of which the third is the one of now: the server's clock may be a little off ours. */
function beginnings(calendar: Calendar, now: number): readonly number[] {
  const { start, end, previous } = calendar.periodAt(now)
  if (end === Number.POSITIVE_INFINITY) return [previous - 1, previous, start, NEVER, NEVER + 1, NEVER + 2]
  const after = calendar.periodAt(end).end
  const begun = [calendar.periodAt(previous).previous, previous, start, end, after]
  return [...begun, calendar.periodAt(after).end]
}

function alike(some: readonly Ask[], others: readonly Ask[]): boolean {
  if (some.length !== others.length) return false
  for (let i = 0; i < some.length; i++) {
    if (some[i]?.policy !== others[i]?.policy || some[i]?.cost !== others[i]?.cost) return false
  }
  return true
}

/** What giving back, or changing a bucket, needs beside the cost. */
function more(ask: Ask | Return | Edit): string {
  if ('at' in ask) return ask.lease === undefined ? `,"taken":${ask.at}` : ''
  if (!('verb' in ask)) return ''
  const { id, expiresAt } = ask
  return `,"id":[${id[0]},${id[1]}],"expires":${Math.min(expiresAt, NEVER)}`
}

const texts = new WeakMap<Policy, string>()

function textOf(policy: Policy): string {
  const { algorithm, quota, windowMs, capacity, subWindows, shadow, calendar, lease, soft } = policy
  let text = `"algorithm":"${algorithm}","quota":${quota},"capacity":${capacity}`
  if (lease !== undefined) text += `,"ms":${lease.ms}`
  else if (calendar === undefined) {
    text += `,"window":${windowMs}`
    if (soft) text += `,"soft":true,"debt":${policy.maxDebt}`
  } else {
    const { overage, rollover, history } = policy
    text += `,"overage":${overage},"rollover":${rollover},"history":${history},"keep":${periodsKept(policy)}`
    if (soft) text += ',"soft":true'
  }
  if (subWindows > 0) text += `,"parts":${subWindows}`
  if (shadow) text += ',"shadow":true'
  return text
}
