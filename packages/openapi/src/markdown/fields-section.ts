import type { Decision } from '@sluice/core'
import { type Dialect, headerFields } from '@sluice/core/http'
import type { DescribedLimit } from '../limits/described-limit.js'
import { amount } from '../limits/in-words.js'
import { code, fence, table } from './blocks.js'
import { SAMPLE_TIME, sampleDecisions } from './sample-decision.js'

/** The header fields of responses, explained by those of one limit. Nothing where no limit reports any. */
export function fieldsSection(limits: readonly DescribedLimit[]): string {
  const sample = sampleDecisions(limits.filter(({ dialects }) => dialects.length > 0))
  if (sample === undefined) return ''
  const { limit, allowed } = sample
  const fields = headerFields(allowed.standings, limit.dialects, SAMPLE_TIME)
  return [
    '## Header fields',
    'Every response says how the limits stand, whether the request was allowed or denied:',
    fence('http', fields.map(([name, value]) => `${name}: ${value}`).join('\n')),
    table(
      ['Field', 'Meaning'],
      limit.dialects.flatMap((dialect) => explained(dialect, allowed)),
    ),
  ].join('\n\n')
}

function explained(dialect: Dialect, decision: Decision): readonly (readonly [string, string])[] {
  return EXPLAINED[dialect](decision)
}

type Explain = (decision: Decision) => readonly (readonly [string, string])[]

/** The newest draft, by the first policy of the decision. */
const draft: Explain = ({ standings: [standing] }) => {
  if (standing === undefined) return []
  const { policy, remaining, moreAfterMs } = standing
  const seconds = Math.ceil((moreAfterMs ?? 0) / 1000)
  return [
    ['`RateLimit-Policy`', `The policies of the request, by their names: here ${code(policy.name)}.`],
    ['`q`', `How much the policy allows: ${amount(policy.quota, policy.unit)}.`],
    ...(policy.unit === 'requests' ? [] : [['`qu`', `What is counted: ${code(policy.unit)}.`] as const]),
    ...(policy.lease === undefined
      ? [['`w`', 'The window, in seconds. Absent where it is not a whole number of them.'] as const]
      : []),
    ['`RateLimit`', 'How each policy stands now.'],
    ['`r`', `What remains: ${amount(Math.min(remaining, policy.quota), policy.unit)}.`],
    ...(seconds > 0
      ? [
          [
            '`t`',
            `In how many seconds there is more: ${seconds}. It may be longer than the window. Absent where nothing is used.`,
          ] as const,
        ]
      : []),
  ]
}

const keyed: Explain = (decision) => [
  ...draft(decision),
  ['`pk`', 'Identifies whose quota it is: a digest, the same in every response to you.'],
]

/** What older fields report: the policy that is closest to its limit. */
function older(prefix: string, reset: string): readonly (readonly [string, string])[] {
  return [
    [`\`${prefix}-Limit\``, 'How much the policy allows that is closest to its limit.'],
    [`\`${prefix}-Remaining\``, 'What remains of it.'],
    [`\`${prefix}-Reset\``, reset],
  ]
}

const SECONDS = 'In how many seconds there is more.'
const POLICIES = ['`RateLimit-Policy`', 'The policies of the request: how much, in how many seconds (`w`).'] as const

const EXPLAINED: Readonly<Record<Dialect, Explain>> = {
  draft,
  'draft+pk': keyed,
  'draft-7': () => [
    POLICIES,
    ['`limit`', 'How much the policy allows that is closest to its limit.'],
    ['`remaining`', 'What remains of it.'],
    ['`reset`', SECONDS],
  ],
  'draft-6': () => [POLICIES, ...older('RateLimit', SECONDS)],
  legacy: () => older('X-RateLimit', 'When there is more, in seconds of Unix time.'),
}
