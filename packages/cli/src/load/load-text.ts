import { textTable } from '../report/columns.js'
import { count, duration, percent, whole } from '../report/numbers.js'
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
    findings.length === 0
      ? tally.limits.length === 0
        ? ''
        : 'No header was found to be wrong.'
      : `Wrong headers:\n${findings.map(({ kind, count: times, example }) => `  ${kind}, ${count(times, 'time')}: ${example}`).join('\n')}`,
  ]
  return parts.filter((part) => part !== '').join('\n\n')
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
