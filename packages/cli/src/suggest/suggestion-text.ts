import { type Column, markdownTable, type Row, textTable } from '../report/columns.js'
import { count, instant, percent, whole } from '../report/numbers.js'
import type { AbuseReason } from './abuse.js'
import type { RouteSuggestion, Suggestion } from './suggestion.js'

/** What the proposed limits would have denied of the same logs. */
export interface Verified {
  readonly route: string
  readonly deniedShare: number
  readonly keysDenied: number
}

const REASONS: Readonly<Record<AbuseReason, string>> = {
  refused: 'half of its requests or more were answered 401, 403, 404 or 429',
  tool: 'a scanner, by its User-Agent',
  outlier: 'far above all others',
}

const PEAK_COLUMNS: readonly Column[] = [
  { title: 'peak in' },
  ...['p50', 'p90', 'p99', 'p99.9', 'max'].map((title) => ({ title, isRight: true })),
]

const EXCLUDED_COLUMNS: readonly Column[] = [
  { title: 'left out' },
  { title: 'requests', isRight: true },
  { title: 'refused', isRight: true },
  { title: 'peak a minute', isRight: true },
  { title: 'why' },
]

const MOST_EXCLUDED = 10
const MOST_NAMED = 20

/** Proposals for the terminal, or in Markdown. */
export function suggestionText(suggestion: Suggestion, verified: readonly Verified[], isMarkdown: boolean): string {
  const table = isMarkdown ? markdownTable : textTable
  const { key, firstAt, lastAt, routes, routesLeftOut } = suggestion
  const heading = (text: string): string => (isMarkdown ? `### ${text}` : text)
  const parts = [`Proposed limits by ${key}, from ${instant(firstAt)} to ${instant(lastAt)} UTC`]
  for (const route of routes) {
    parts.push(
      heading(`${route.route}: ${sentence(route)}`),
      table(PEAK_COLUMNS, peakRows(route)),
      ...excludedParts(route, table),
      ...verified.filter((one) => one.route === route.route).map(verifiedText),
    )
  }
  if (routesLeftOut.length > 0)
    parts.push(
      `Nothing is proposed for ${count(routesLeftOut.length, 'route')} with fewer than 200 keys: ` +
        `${routesLeftOut.slice(0, MOST_NAMED).join(', ')}${routesLeftOut.length > MOST_NAMED ? ', …' : ''}`,
    )
  parts.push(
    heading('Lines for sluice.config.yaml'),
    isMarkdown ? `\`\`\`yaml\n${suggestion.config}\n\`\`\`` : suggestion.config,
  )
  return parts.join('\n\n')
}

function sentence({ perMinute, burst, perDay, requests, keys }: RouteSuggestion): string {
  const limit = `${whole(perMinute)} a minute with a burst of ${whole(burst)}, ${whole(perDay)} a day`
  return `${limit} (${whole(requests)} requests of ${whole(keys)} keys)`
}

function peakRows({ peaks }: RouteSuggestion): readonly Row[] {
  return peaks.map(({ window, p50, p90, p99, p999, max }) => [window, ...[p50, p90, p99, p999, max].map(whole)])
}

function excludedParts({ excluded }: RouteSuggestion, table: typeof textTable): readonly string[] {
  if (excluded.length === 0) return []
  const rows = excluded.slice(0, MOST_EXCLUDED).map((key): Row => {
    return [key.key, whole(key.requests), whole(key.refused), whole(key.peakPerMinute), REASONS[key.reason]]
  })
  const others = excluded.length - rows.length
  return [table(EXCLUDED_COLUMNS, rows), ...(others > 0 ? [`and ${whole(others)} more left out`] : [])]
}

function verifiedText({ deniedShare, keysDenied }: Verified): string {
  return `Replayed with this limit: ${percent(deniedShare)} denied, of ${count(keysDenied, 'key')}.`
}
