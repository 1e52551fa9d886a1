import type { FileReport } from '../logs/log-file.js'
import type { DeniedKey } from './denied-key.js'
import type { LimitReplay } from './limit-replay.js'
import type { QuotaCurve } from './quota-curve.js'
import type { Replay, Span } from './replay.js'
import type { RetryModel } from './retries.js'
import { shownKey } from './shown-key.js'
import { inParts } from './timeline.js'

/** What a simulation came to: what `--json` prints. Times are Unix milliseconds. */
export interface SimulationResult {
  readonly files: readonly FileReport[]
  readonly entries: number
  readonly unreadable: number
  readonly firstAt: number
  readonly lastAt: number
  /** `seconds` where the logs have whole seconds only. */
  readonly resolution: 'seconds' | 'milliseconds'
  readonly retries: RetryModel
  /** Requests that no limit denied, and those that at least one did. */
  readonly allowed: number
  readonly denied: number
  readonly limits: readonly LimitResult[]
  /** What the numbers do not say. */
  readonly notes: readonly string[]
}

export interface LimitResult {
  readonly name: string
  readonly text: string
  readonly routes: string | null
  readonly key: string
  readonly allowed: number
  readonly denied: number
  /** Of the requests it covers, from 0 to 1. */
  readonly deniedShare: number
  /** With the requests of each second at one instant, and spread over it; `null` where that makes no difference. */
  readonly deniedBetween: readonly [least: number, most: number] | null
  /** Requests whose line has no key; they were not limited. */
  readonly unkeyed: number
  readonly keys: number
  readonly keysDenied: number
  /** Denied requests whose response had a status below 400: probably legitimate. */
  readonly succeeded: number
  readonly succeededShare: number
  readonly longestBlock: { readonly key: string; readonly ms: number } | null
  /** The most units that a key asked for, and got, in a window. */
  readonly peak: {
    readonly key: string
    readonly units: number
    readonly admitted: number
    readonly windowMs: number
  } | null
  readonly topKeys: readonly KeyResult[]
  readonly timeline: Series
  readonly curve: QuotaCurve | null
  readonly retries: { readonly sent: number; readonly allowed: number; readonly abandoned: number } | null
}

export interface KeyResult {
  readonly key: string
  readonly requests: number
  readonly denied: number
  readonly succeeded: number
  readonly longestBlockMs: number
  readonly peak: number
  /** Denials over time, in equal parts of the whole. */
  readonly line: readonly number[]
}

export interface Series {
  readonly startMs: number
  readonly widthMs: number
  readonly allowed: readonly number[]
  readonly denied: readonly number[]
}

export interface ResultOptions {
  readonly top: number
  /** Whether keys that may be secrets are shown as they are. */
  readonly showKeys: boolean
  readonly retries: RetryModel
}

export function resultOf(
  replay: Replay,
  files: readonly FileReport[],
  span: Span,
  options: ResultOptions,
): SimulationResult {
  const resolution = files.some(({ isCoarse }) => isCoarse) ? 'seconds' : 'milliseconds'
  const limits = replay.limits.map((limit) => limitResult(limit, replay.spread.get(limit), resolution, options))
  return {
    files,
    entries: sum(files.map(({ entries }) => entries)),
    unreadable: sum(files.map(({ unreadable }) => unreadable)),
    ...span,
    resolution,
    retries: options.retries,
    allowed: replay.entries - replay.denied,
    denied: replay.denied,
    limits,
    notes: notesOf(replay, files, resolution, options),
  }
}

function limitResult(
  replay: LimitReplay,
  spread: LimitReplay | undefined,
  resolution: SimulationResult['resolution'],
  options: ResultOptions,
): LimitResult {
  const { limit, tally, retries } = replay
  const name = (place: number): string => shownKey(limit.keys, place, options.showKeys)
  const places = [...tally.demand.places()]
  const denied = tally.deniedKeys
  const longest = largest(denied, ({ longestBlockMs }) => longestBlockMs)
  const peak = largest(places, (place) => tally.demand.peakOf(place))
  const others = resolution === 'seconds' && spread !== undefined ? [tally.denied, spread.tally.denied] : undefined
  return {
    name: limit.name,
    text: limit.text,
    routes: limit.routes ?? null,
    key: limit.keys.text,
    allowed: tally.allowed,
    denied: tally.denied,
    deniedShare: share(tally.denied, tally.allowed + tally.denied),
    deniedBetween: others === undefined ? null : [Math.min(...others), Math.max(...others)],
    unkeyed: tally.unkeyed,
    keys: places.length,
    keysDenied: denied.length,
    succeeded: tally.succeeded,
    succeededShare: share(tally.succeeded, tally.denied),
    longestBlock: longest === undefined ? null : { key: name(longest.place), ms: Math.ceil(longest.longestBlockMs) },
    peak:
      peak === undefined || tally.windowMs === 0
        ? null
        : {
            key: name(peak),
            units: tally.demand.peakOf(peak),
            admitted: mostAdmitted(places, replay),
            windowMs: tally.windowMs,
          },
    topKeys: topOf(denied, options.top).map((key) => keyResult(key, replay, name)),
    timeline: timelineOf(replay),
    curve: tally.curve(quotaOf(replay)) ?? null,
    retries:
      options.retries === 'none'
        ? null
        : { sent: retries.sent, allowed: retries.allowed, abandoned: retries.abandoned },
  }
}

/** The quota of the policy whose demand is counted. */
function quotaOf({ policies, tally }: LimitReplay): number {
  return policies.find(({ windowMs }) => windowMs === tally.windowMs)?.quota ?? 1
}

function mostAdmitted(places: readonly number[], { tally }: LimitReplay): number {
  let most = 0
  for (const place of places) most = Math.max(most, tally.admittedPeakOf(place))
  return most
}

function topOf(keys: readonly DeniedKey[], count: number): readonly DeniedKey[] {
  return [...keys].sort((one, other) => other.denied - one.denied || one.place - other.place).slice(0, count)
}

const LINE_PARTS = 24

function keyResult(key: DeniedKey, { tally }: LimitReplay, name: (place: number) => string): KeyResult {
  const { startMs, widthMs, parts } = spanOf(tally.allowedOverTime, tally.deniedOverTime)
  const whole = key.drawn?.from(startMs, widthMs, parts) ?? []
  return {
    key: name(key.place),
    requests: tally.demand.requestsOf(key.place),
    denied: key.denied,
    succeeded: key.succeeded,
    longestBlockMs: Math.ceil(key.longestBlockMs),
    peak: tally.windowMs === 0 ? 0 : tally.demand.peakOf(key.place),
    line: inParts(whole, LINE_PARTS),
  }
}

function timelineOf({ tally }: LimitReplay): Series {
  const { startMs, widthMs, parts } = spanOf(tally.allowedOverTime, tally.deniedOverTime)
  return {
    startMs,
    widthMs,
    allowed: tally.allowedOverTime.from(startMs, widthMs, parts),
    denied: tally.deniedOverTime.from(startMs, widthMs, parts),
  }
}

type Lines = LimitReplay['tally']['allowedOverTime']

/** One axis for both: the coarser of the two. */
function spanOf(...lines: readonly Lines[]): {
  readonly startMs: number
  readonly widthMs: number
  readonly parts: number
} {
  const filled = lines.filter(({ length }) => length > 0)
  if (filled.length === 0) return { startMs: 0, widthMs: 1_000, parts: 0 }
  const widthMs = Math.max(...filled.map((line) => line.widthMs))
  const startMs = Math.floor(Math.min(...filled.map((line) => line.startMs)) / widthMs) * widthMs
  const endMs = Math.max(...filled.map((line) => line.startMs + line.length * line.widthMs))
  return { startMs, widthMs, parts: Math.ceil((endMs - startMs) / widthMs) }
}

const SPREAD =
  ' Limits with a window below a minute are replayed a second time with the requests of each second spread over it; both ' +
  'results are given.'

function notesOf(
  replay: Replay,
  files: readonly FileReport[],
  resolution: SimulationResult['resolution'],
  { retries }: ResultOptions,
): readonly string[] {
  const notes: string[] = []
  if (replay.limits.length > 1) notes.push('Each limit decides as if it were the only one.')
  if (resolution === 'seconds') {
    notes.push(
      `The log has whole seconds: requests of one second are taken at one instant.${replay.spread.size === 0 ? '' : SPREAD}`,
    )
  }
  if (!files.every(({ hasDurations }) => hasDurations)) {
    notes.push('Lines without a duration count at the time they were written, which is when a request ended.')
  }
  if (retries === 'none')
    notes.push(
      'Denied clients are assumed to give up. Use --retries obey or --retries hammer for those that come back.',
    )
  if (replay.limits.some(({ limit }) => limit.keys.text.startsWith('ip'))) {
    notes.push('One address may be many users (a company, a mobile network), and one user may have many addresses.')
  }
  for (const { path, isCut } of files) if (isCut) notes.push(`${path} is cut off; what comes before the cut was read.`)
  const late = sum(files.map((file) => file.late))
  if (late > 0)
    notes.push(`${late} requests stood more than a minute behind later ones and count at the time of those.`)
  for (const { limit, store } of replay.limits) {
    notes.push(...limit.notes.map((note) => `${limit.name}: ${note}`))
    const evictions = store.stats?.().evictions ?? 0
    if (evictions > 0)
      notes.push(`${limit.name}: ${evictions} buckets were dropped, because there are more keys than fit in memory.`)
  }
  return notes
}

function largest<T>(list: readonly T[], of: (one: T) => number): T | undefined {
  let best: T | undefined
  for (const one of list) if (best === undefined || of(one) > of(best)) best = one
  return best
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
