import type { Ask, Return } from '../decisions/ask.js'
import type { Policy } from '../policies/policy.js'

export type Verb = 'take' | 'look' | 'give'

/**
 * Commands for the script, as JSON: a verb, in tests the time in place of the server's own, and the policies, each with its
 * cost and, to give back, when it was taken. Most entries ask what the one before them asked, only for another key.
 */
export class Commands {
  #verb: Verb | undefined
  #asks: readonly (Ask | Return)[] = []
  #text = ''

  /** `now` in milliseconds, in tests; otherwise the server's own clock decides. */
  of(verb: Verb, asks: readonly (Ask | Return)[], now: number | undefined): string {
    if (now === undefined && verb !== 'give' && verb === this.#verb && alike(asks, this.#asks)) return this.#text
    this.#verb = now === undefined ? verb : undefined
    this.#asks = asks
    this.#text = commandOf(verb, asks, now)
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

function commandOf(verb: Verb, asks: readonly (Ask | Return)[], now: number | undefined): string {
  let policies = ''
  for (const ask of asks) {
    const taken = 'at' in ask ? `,"taken":${ask.at}` : ''
    policies += `${policies === '' ? '' : ','}{${policyText(ask.policy)},"cost":${ask.cost}${taken}}`
  }
  return `{"verb":"${verb}",${now === undefined ? '' : `"now":${now},`}"policies":[${policies}]}`
}

const texts = new WeakMap<Policy, string>()

function policyText(policy: Policy): string {
  let text = texts.get(policy)
  if (text === undefined) {
    const { algorithm, quota, windowMs, capacity, subWindows, shadow } = policy
    text = `"algorithm":"${algorithm}","quota":${quota},"window":${windowMs},"capacity":${capacity}`
    if (subWindows > 0) text += `,"parts":${subWindows}`
    if (shadow) text += ',"shadow":true'
    texts.set(policy, text)
  }
  return text
}
