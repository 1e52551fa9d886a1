import type { Standing } from '../decision.js'
import type { Policy } from '../policy.js'
import type { Ask, Return } from '../store.js'

export type Verb = 'take' | 'look' | 'give'

/** What the script answers: its clock in milliseconds, a letter a visit, then what it found in each bucket. */
export type Reply = readonly [now: number, verdicts: string, ...found: string[]]

/** Questions, as text. Most visits ask what the one before them asked, only for another key. */
export class Questions {
  #verb: Verb | undefined
  #asks: readonly (Ask | Return)[] = []
  #text = ''

  /** `now` in milliseconds, in tests; else the server's own clock tells it. */
  of(verb: Verb, asks: readonly (Ask | Return)[], now: number | undefined): string {
    if (now === undefined && verb !== 'give' && verb === this.#verb && alike(asks, this.#asks)) return this.#text
    this.#verb = now === undefined ? verb : undefined
    this.#asks = asks
    this.#text = questionOf(verb, asks, now)
    return this.#text
  }
}

function alike(some: readonly Ask[], others: readonly Ask[]): boolean {
  if (some.length !== others.length) return false
  for (let i = 0; i < some.length; i++) {
    if (some[i]?.policy !== others[i]?.policy || some[i]?.cost !== others[i]?.cost) return false
  }
  return true
}

function questionOf(verb: Verb, asks: readonly (Ask | Return)[], now: number | undefined): string {
  let text = `${VERBS[verb]}${now ?? ''}`
  for (const ask of asks) text += `${policyText(ask.policy)} ${ask.cost} ${'at' in ask ? ask.at : 0}`
  return text
}

const VERBS = { take: 't', look: 'l', give: 'g' } as const

const texts = new WeakMap<Policy, string>()

function policyText(policy: Policy): string {
  let text = texts.get(policy)
  if (text === undefined) {
    const { algorithm, quota, windowMs, capacity, subWindows, shadow } = policy
    text = ` ${algorithm.name} ${quota} ${windowMs} ${capacity} ${subWindows} ${shadow ? 1 : 0}`
    texts.set(policy, text)
  }
  return text
}

/** What the script found in the bucket of that place, or what is wrong with it. */
export function foundIn(reply: Reply, place: number): string {
  return String(reply[2 + place] ?? '')
}

/** A bucket as it was found, as numbers; a fresh one is all noughts. */
export function cellsOf(found: string, policy: Policy): number[] {
  if (found === '') return Array<number>(policy.algorithm.width(policy)).fill(0)
  const cells: number[] = []
  let number = 0
  let sign = 1
  for (let i = 0; i < found.length; i++) {
    const code = found.charCodeAt(i)
    if (code === SPACE) {
      cells.push(sign * number)
      number = 0
      sign = 1
    } else if (code === MINUS) sign = -1
    else number = number * 10 + code - NOUGHT
  }
  cells.push(sign * number)
  return cells
}

const SPACE = 32
const MINUS = 45
const NOUGHT = 48

/** How a bucket stands: worked out here, from what was found there, by the algorithm that its twin obeyed. */
export function standingOf(ask: Ask, cells: number[], now: number, commit: boolean): Standing {
  return ask.policy.algorithm.decide(cells, 0, ask.policy, ask.cost, now, commit)
}
