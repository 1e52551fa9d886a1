import type { LimitResult, SimulationResult } from '../result/result.js'
import type { Column, Row } from './columns.js'
import { count, duration, instant, percent, sparkline, whole } from './numbers.js'

/** The rows that the terminal and Markdown show. */
export const LIMIT_COLUMNS: readonly Column[] = [
  { title: 'limit' },
  { title: 'allowed', isRight: true },
  { title: 'denied', isRight: true },
  { title: 'share', isRight: true },
  { title: 'keys denied', isRight: true },
  { title: 'had succeeded', isRight: true },
  { title: 'longest block', isRight: true },
  { title: 'peak asked', isRight: true },
  { title: 'peak admitted', isRight: true },
]

/** The same as names and values, without the name of the limit. */
export function limitFacts(limit: LimitResult): readonly (readonly [name: string, value: string])[] {
  const [, ...values] = limitRow(limit)
  return LIMIT_COLUMNS.slice(1).map(({ title }, i) => [title, values[i] ?? ''])
}

export function limitRow(limit: LimitResult): Row {
  const { peak, longestBlock } = limit
  return [
    title(limit),
    whole(limit.allowed),
    deniedText(limit),
    percent(limit.deniedShare),
    `${whole(limit.keysDenied)} of ${whole(limit.keys)}`,
    limit.denied === 0 ? '–' : percent(limit.succeededShare),
    longestBlock === null ? '–' : duration(longestBlock.ms),
    peak === null ? '–' : `${whole(peak.units)} in ${duration(peak.windowMs)}`,
    peak === null ? '–' : whole(peak.admitted),
  ]
}

/** `login: 5/15min`, or the text alone where that is the name. */
export function title({ name, text }: Pick<LimitResult, 'name' | 'text'>): string {
  return name === text ? text : `${name}: ${text}`
}

function deniedText({ denied, deniedBetween }: LimitResult): string {
  if (deniedBetween === null || deniedBetween[0] === deniedBetween[1]) return whole(denied)
  return `${whole(deniedBetween[0])} to ${whole(deniedBetween[1])}`
}

export const KEY_COLUMNS: readonly Column[] = [
  { title: 'key' },
  { title: 'requests', isRight: true },
  { title: 'denied', isRight: true },
  { title: 'had succeeded', isRight: true },
  { title: 'longest block', isRight: true },
  { title: 'peak', isRight: true },
  { title: 'denials over time' },
]

export function keyRows({ topKeys }: LimitResult): readonly Row[] {
  return topKeys.map((key) => [
    key.key,
    whole(key.requests),
    whole(key.denied),
    whole(key.succeeded),
    duration(key.longestBlockMs),
    key.peak === 0 ? '–' : whole(key.peak),
    sparkline(key.line),
  ])
}

/** What was read, a line for each file. */
export function fileLines({ files }: SimulationResult): readonly string[] {
  return files.map(({ path, format, entries, unreadable, outside }) => {
    const parts = [`${path === '-' ? 'standard input' : path}: ${format}, ${count(entries, 'request')}`]
    if (unreadable > 0) parts.push(`${count(unreadable, 'line')} could not be read`)
    if (outside > 0) parts.push(`${whole(outside)} outside --from and --to`)
    return parts.join(', ')
  })
}

export function span({ firstAt, lastAt }: SimulationResult): string {
  return `${instant(firstAt)} to ${instant(lastAt)} UTC`
}

/** Where a limit applies and to whom. */
export function scope({ routes, key, unkeyed }: LimitResult): string {
  const parts = [routes ?? 'all requests', `by ${key}`]
  if (unkeyed > 0) parts.push(`${whole(unkeyed)} without that key were not limited`)
  return parts.join(', ')
}

export function retriesText({ retries }: LimitResult): string | undefined {
  if (retries === null) return undefined
  return `${count(retries.sent, 'retry', 'retries')}: ${whole(retries.allowed)} allowed, ${whole(retries.abandoned)} given up`
}
