import { inParts } from '../replay/timeline.js'
import type { LimitResult, SimulationResult } from '../result/result.js'
import { textTable } from './columns.js'
import { sparkline, whole } from './numbers.js'
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

const LINE_PARTS = 96

/** A simulation for the terminal. */
export function simulationText(result: SimulationResult): string {
  const parts = [
    [...fileLines(result), span(result)].join('\n'),
    textTable(LIMIT_COLUMNS, result.limits.map(limitRow)),
    ...result.limits.filter(({ denied, unkeyed }) => denied + unkeyed > 0).map(limitText),
    unreadableText(result),
    result.notes.length === 0 ? '' : `Notes\n${result.notes.map((note) => `- ${note}`).join('\n')}`,
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function limitText(limit: LimitResult): string {
  const lines = [`${title(limit)} (${scope(limit)})`]
  const retries = retriesText(limit)
  if (retries !== undefined) lines.push(`  ${retries}`)
  if (limit.denied > 0) {
    lines.push(`  denied over time  ${sparkline(inParts(limit.timeline.denied, LINE_PARTS))}`)
    lines.push(textTable(KEY_COLUMNS, keyRows(limit), '  '))
    const others = limit.keysDenied - limit.topKeys.length
    if (others > 0) lines.push(`  and ${whole(others)} more`)
  }
  return lines.join('\n')
}

function unreadableText({ files }: SimulationResult): string {
  const samples = files.flatMap((file) => file.samples.map((sample) => `  ${sample}`))
  return samples.length === 0 ? '' : ['Lines that could not be read, the first of each file:', ...samples].join('\n')
}
