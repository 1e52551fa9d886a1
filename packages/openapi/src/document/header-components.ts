import type { Dialect } from '@sluice/core/http'
import { GENERATOR, MARK } from './generated.js'
import type { Tree } from './tree.js'

/** Which fields a response has, and how. */
export interface FieldSet {
  /** The draft in which limits are reported, if any. */
  readonly draft: Exclude<Dialect, 'legacy'> | undefined
  /** Whether they are also, or only, reported by X-RateLimit fields. */
  readonly legacy: boolean
}

/** A header of a document: its name, and how the component is called that describes it. */
export interface HeaderUse {
  readonly name: string
  readonly component: string
}

/** The headers that report limits, as `headers` of the limits says. */
export function reportingHeaders({ draft, legacy }: FieldSet): readonly HeaderUse[] {
  return [
    ...(draft === undefined ? [] : DRAFT_FIELDS[draft].map((name) => ({ name, component: componentOf(name, draft) }))),
    ...(legacy ? LEGACY_FIELDS.map((name) => ({ name, component: name })) : []),
  ]
}

export const RETRY_AFTER: HeaderUse = { name: 'Retry-After', component: 'Retry-After' }

const NEWEST = ['RateLimit', 'RateLimit-Policy'] as const
const THREE = ['RateLimit-Policy', 'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'] as const
const LEGACY_FIELDS = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'] as const

const DRAFT_FIELDS = { draft: NEWEST, 'draft+pk': NEWEST, 'draft-7': NEWEST, 'draft-6': THREE } as const

/** Drafts give one name to fields of different forms. */
function componentOf(name: string, draft: Exclude<Dialect, 'legacy'>): string {
  const isOld = draft === 'draft-7' || draft === 'draft-6'
  return isOld && (name === 'RateLimit' || name === 'RateLimit-Policy') ? `${name}-${draft}` : name
}

interface HeaderText {
  readonly description: string
  readonly example: string | number
}

const NUMBERS: Readonly<Record<string, HeaderText>> = {
  'Retry-After': { description: 'Seconds to wait before the next attempt.', example: 42 },
  'RateLimit-Limit': { description: 'Units of the limit that is closest to its end, in its window.', example: 50 },
  'RateLimit-Remaining': { description: 'Units that are left of it.', example: 49 },
  'RateLimit-Reset': { description: 'Seconds until there are more.', example: 2 },
  'X-RateLimit-Limit': { description: 'Units of the limit that is closest to its end, in its window.', example: 50 },
  'X-RateLimit-Remaining': { description: 'Units that are left of it.', example: 49 },
  'X-RateLimit-Reset': { description: 'The Unix time, in seconds, from which on there are more.', example: 1767225602 },
}

const TEXTS: Readonly<Record<string, HeaderText>> = {
  RateLimit: {
    description:
      'How each policy stands: `r` units remain, and in `t` seconds there are more. The structured field of the IETF RateLimit draft.',
    example: '"api";r=49;t=2',
  },
  'RateLimit-Policy': {
    description:
      'The policies of this operation: `q` units in `w` seconds; `qu` is the unit where it is not requests. The structured field of ' +
      'the IETF RateLimit draft.',
    example: '"api";q=50;w=60',
  },
  'RateLimit-draft-7': {
    description:
      'The policy that is closest to its limit: `remaining` of `limit` units, and in `reset` seconds there are more.',
    example: 'limit=50, remaining=49, reset=2',
  },
  'RateLimit-Policy-draft-7': {
    description: 'The policies of this operation: units, and `w` in seconds.',
    example: '50;w=60',
  },
  'RateLimit-Policy-draft-6': {
    description: 'The policies of this operation: units, and `w` in seconds.',
    example: '50;w=60',
  },
}

/** The header component of this name. */
export function headerComponent(name: string): Tree {
  const text = Object.hasOwn(TEXTS, name) ? TEXTS[name] : undefined
  const number = Object.hasOwn(NUMBERS, name) ? NUMBERS[name] : undefined
  const { description, example } = text ?? number ?? { description: name, example: '' }
  const schema = text === undefined ? { type: 'integer', minimum: 0 } : { type: 'string' }
  return { description, schema, example, [MARK]: GENERATOR }
}
