import type { DeniedKey } from '../replay/denied-key.js'
import type { LimitReplay } from '../replay/limit-replay.js'
import type { RetryModel } from '../replay/retries.js'
import { inParts } from '../replay/timeline.js'
import { type Axis, axisOf } from './axis.js'
import type { KeyResult, LimitResult, Series, SimulationResult } from './result.js'
import { shownKey } from './shown-key.js'

/** What is shown of a replay. */
export interface ResultOptions {
  readonly top: number
  /** Whether keys that may be secrets are shown as they are. */
  readonly showKeys: boolean
  readonly retries: RetryModel
}

/** What one limit came to. */
export function limitResult(
  replay: LimitReplay,
  spread: LimitReplay | undefined,
  resolution: SimulationResult['resolution'],
  options: ResultOptions,
): LimitResult {
  const { limit, tally, retries } = replay
  const name = (place: number): string => shownKey(limit.keys, place, options.showKeys)
  const axis = axisOf(tally.allowedOverTime, tally.deniedOverTime)
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
            admitted: tally.mostAdmitted(),
            windowMs: tally.windowMs,
          },
    topKeys: topOf(denied, options.top).map((key) => keyResult(key, replay, axis, name)),
    timeline: timelineOf(replay, axis),
    curve: tally.curve(replay.quota) ?? null,
    retries:
      options.retries === 'none'
        ? null
        : { sent: retries.sent, allowed: retries.allowed, abandoned: retries.abandoned },
  }
}

function topOf(keys: readonly DeniedKey[], count: number): readonly DeniedKey[] {
  return [...keys].sort((one, other) => other.denied - one.denied || one.place - other.place).slice(0, count)
}

const LINE_PARTS = 24

function keyResult(
  key: DeniedKey,
  { tally }: LimitReplay,
  { startMs, widthMs, parts }: Axis,
  name: (place: number) => string,
): KeyResult {
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

function timelineOf({ tally }: LimitReplay, { startMs, widthMs, parts }: Axis): Series {
  return {
    startMs,
    widthMs,
    allowed: tally.allowedOverTime.from(startMs, widthMs, parts),
    denied: tally.deniedOverTime.from(startMs, widthMs, parts),
  }
}

function largest<T>(list: readonly T[], of: (one: T) => number): T | undefined {
  let best: T | undefined
  for (const one of list) if (best === undefined || of(one) > of(best)) best = one
  return best
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
