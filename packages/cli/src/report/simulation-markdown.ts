import type { SimulationResult } from '../result/result.js'
import { markdownTable } from './columns.js'
import {
  fileLines,
  KEY_COLUMNS,
  keyRows,
  LIMIT_COLUMNS,
  limitRow,
  retriesText,
  scope,
  span,
  title,
} from './simulation-rows.js'

/** A simulation in Markdown, as for a pull request. */
export function simulationMarkdown(result: SimulationResult): string {
  const parts = [
    '## Simulated rate limits',
    [...fileLines(result), span(result)].map((line) => `- ${line}`).join('\n'),
    markdownTable(LIMIT_COLUMNS, result.limits.map(limitRow)),
  ]
  for (const limit of result.limits) {
    if (limit.denied === 0) continue
    parts.push(`### ${title(limit)}`, scope(limit))
    const retries = retriesText(limit)
    if (retries !== undefined) parts.push(retries)
    parts.push(markdownTable(KEY_COLUMNS, keyRows(limit)))
  }
  parts.push(`### Notes\n\n${result.notes.map((note) => `- ${note}`).join('\n')}`)
  return parts.join('\n\n')
}
