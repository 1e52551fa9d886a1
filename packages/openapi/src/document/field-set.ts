import type { DescribedLimit } from '../limits/described-limit.js'
import type { FieldSet } from './header-components.js'

/** The fields of an operation's responses: where limits differ in the draft, the last decides, as on the wire. */
export function fieldSet(limits: readonly DescribedLimit[]): FieldSet {
  const dialects = limits.flatMap((limit) => limit.dialects)
  return {
    draft: dialects.filter((dialect) => dialect !== 'legacy').at(-1),
    legacy: dialects.includes('legacy'),
  }
}

/** `-draft-7-legacy`: what tells responses with these fields from those with the newest draft's. */
export function suffixOf({ draft, legacy }: FieldSet): string {
  const drafts = draft === undefined ? (legacy ? '' : '-plain') : draft.startsWith('draft-') ? `-${draft}` : ''
  return `${drafts}${legacy ? '-legacy' : ''}`
}
