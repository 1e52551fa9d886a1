import { textTable } from '../report/columns.js'
import { count, duration, percent, whole } from '../report/numbers.js'
import type { Finding } from './honesty.js'
import type { LoadResult } from './load.js'
import type { AnnouncedLimit } from './load-tally.js'

/** A load for the terminal. */
export function loadText({ tally, findings, tookMs }: LoadResult): string {
  const all = tally.admitted + tally.denied + tally.failed
  const parts = [
    `${count(all, 'request')} in ${duration(tookMs)}, ${(all / (tookMs / 1_000)).toFixed(1)} a second`,
    textTable(
      [{ title: '' }, { title: 'requests', isRight: true }, { title: 'share', isRight: true }, ...PERCENTILES],
      [
        ['admitted', ...numbers(tally.admitted, all), ...latencies(tally.latency('admitted'))],
        ['denied', ...numbers(tally.denied, all), ...latencies(tally.latency('denied'))],
        ['failed', ...numbers(tally.failed, all), '', '', '', ''],
      ],
    ),
    others(tally),
    limits(tally.limits),
    verdict(findings, tally.limits.length > 0),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function verdict(findings: readonly Finding[], wasChecked: boolean): string {
  if (findings.length === 0) return wasChecked ? 'No header was found to be wrong.' : ''
  const lines = (isCertain: boolean): readonly string[] =>
    findings
      .filter((finding) => finding.isCertain === isCertain)
      .map(({ kind, count: times, example }) => `  ${kind}, ${count(times, 'time')}: ${example}`)
  const [certain, possible] = [lines(true), lines(false)]
  return [
    ...(certain.length === 0 ? [] : ['Wrong headers:', ...certain]),
    ...(possible.length === 0
      ? []
      : ['Possibly wrong (refunds, delays, bursts and soft limits do this too):', ...possible]),
  ].join('\n')
}

const PERCENTILES = ['p50', 'p90', 'p99', 'max'].map((title) => ({ title, isRight: true }))

function numbers(value: number, all: number): readonly string[] {
  return [whole(value), percent(value / Math.max(1, all))]
}

function latencies(list: readonly (readonly [number, number])[]): readonly string[] {
  return list.map(([, ms]) => `${ms.toFixed(1)} ms`)
}

function others({ statuses, errors, heldBack }: LoadResult['tally']): string {
  const lines: string[] = []
  const odd = [...statuses].filter(([status]) => status !== 429 && (status < 200 || status >= 300))
  if (odd.length > 0)
    lines.push(`Other statuses: ${odd.map(([status, times]) => `${status} (${whole(times)})`).join(', ')}`)
  if (errors.size > 0)
    lines.push(`No response: ${[...errors].map(([reason, times]) => `${reason} (${whole(times)})`).join(', ')}`)
  if (heldBack > 0) lines.push(`${count(heldBack, 'request')} not sent, since every client waited as told or was busy`)
  return lines.join('\n')
}

function limits(announced: readonly AnnouncedLimit[]): string {
  if (announced.length === 0) return 'No response announced a limit, so no header was checked.'
  const rows = announced.map(({ name, unit, quota, windowMs, mostAdmitted }) => [
    name,
    `${whole(quota)} ${unit}${windowMs === null ? '' : ` in ${duration(windowMs)}`}`,
    mostAdmitted === null ? '–' : whole(mostAdmitted),
  ])
  return textTable(
    [{ title: 'announced limit' }, { title: 'quota' }, { title: 'most admitted in a window', isRight: true }],
    rows,
  )
}
