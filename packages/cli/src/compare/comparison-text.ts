import { type Column, markdownTable, type Row, textTable } from '../report/columns.js'
import { count, instant, percent, whole } from '../report/numbers.js'
import type { Comparison, LimitComparison, NamedFlips } from './comparison.js'

/** A comparison for the terminal, or in Markdown. */
export function comparisonText(comparison: Comparison, isMarkdown: boolean): string {
  const table = isMarkdown ? markdownTable : textTable
  const heading = (text: string): string => (isMarkdown ? `### ${text}` : text)
  const { requests, firstAt, lastAt, topKeys, topRoutes, notes, limits } = comparison
  const parts = [
    heading('Limits compared'),
    `${count(requests, 'request')}, ${instant(firstAt)} to ${instant(lastAt)} UTC`,
    table([{ title: '' }, { title: 'requests', isRight: true }, { title: 'share', isRight: true }], totals(comparison)),
    table(LIMIT_COLUMNS, limits.map(limitRow)),
  ]
  if (topKeys.length > 0) parts.push(heading('By key'), table(columns('key'), topKeys.map(flipRow)))
  if (topRoutes.length > 0) parts.push(heading('By route'), table(columns('route'), topRoutes.map(flipRow)))
  if (notes.length > 0) parts.push(heading('Notes'), notes.map((note) => `- ${note}`).join('\n'))
  return parts.join('\n\n')
}

function totals(comparison: Comparison): readonly Row[] {
  const { requests, newlyDenied, newlyDeniedSucceeded, newlyAllowed, deniedBefore, deniedNow } = comparison
  const row = (name: string, value: number): Row => [name, whole(value), percent(value / Math.max(1, requests))]
  return [
    row('denied before', deniedBefore),
    row('denied now', deniedNow),
    row('newly denied', newlyDenied),
    row('  of them had succeeded', newlyDeniedSucceeded),
    row('newly allowed', newlyAllowed),
    [
      'keys newly denied',
      whole(comparison.keysNewlyDenied),
      percent(comparison.keysNewlyDenied / Math.max(1, comparison.keys)),
    ],
  ]
}

const LIMIT_COLUMNS: readonly Column[] = [
  { title: 'limit' },
  { title: 'before' },
  { title: 'denied', isRight: true },
  { title: 'now' },
  { title: 'denied', isRight: true },
]

function limitRow({ name, before, now }: LimitComparison): Row {
  const side = (limit: LimitComparison['now']): readonly string[] =>
    limit === null ? ['–', '–'] : [limit.text, whole(limit.denied)]
  return [name, ...side(before), ...side(now)]
}

function columns(title: string): readonly Column[] {
  const numbers = ['requests', 'newly denied', 'had succeeded', 'newly allowed']
  return [{ title }, ...numbers.map((one) => ({ title: one, isRight: true }))]
}

function flipRow({ name, requests, newlyDenied, newlyDeniedSucceeded, newlyAllowed }: NamedFlips): Row {
  return [name, whole(requests), whole(newlyDenied), whole(newlyDeniedSucceeded), whole(newlyAllowed)]
}
