import { STATUS_CODES } from 'node:http'
import { headerFields, problem } from '@sluice/core/http'
import type { DescribedLimit } from '../limits/described-limit.js'
import { fence, table } from './blocks.js'
import { SAMPLE_TIME, sampleDecisions } from './sample-decision.js'

/** A denial, as the server sends it. */
export function denialSection(limits: readonly DescribedLimit[]): string {
  const sample = sampleDecisions(limits.filter(({ hasProblem }) => hasProblem))
  if (sample === undefined) return ''
  const { status = 429, headers = {}, body } = problem(sample.denied)
  const fields = [
    ...headerFields(sample.denied.standings, sample.limit.dialects, SAMPLE_TIME),
    ...Object.entries(headers),
  ]
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...fields.map(([name, value]) => `${titled(name)}: ${value}`),
    '',
    JSON.stringify(body, null, 2),
  ]
  return [
    '## Denied requests',
    'A denied request has had no effect. Its response is in the form of RFC 9457:',
    fence('http', lines.join('\n')),
    table(
      ['Member', 'Meaning'],
      [
        ['`detail`', 'What happened, and when to try again, in words.'],
        ['`violated-policies`', 'The policies that denied the request.'],
        ['`retry-after`', 'Seconds to wait, as in `Retry-After`. Absent where waiting does not help.'],
      ],
    ),
  ].join('\n\n')
}

function titled(field: string): string {
  return field.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}
