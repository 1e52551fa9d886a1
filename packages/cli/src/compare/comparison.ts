import type { LimitReplay } from '../replay/limit-replay.js'
import type { Replay, Span } from '../replay/replay.js'
import type { Measured, MeasuredValue } from '../report/fail-if.js'
import { printable } from '../result/shown-key.js'
import type { FlipCounts, Flips } from './flips.js'

/** What two configurations decide differently: what `sluice compare --json` prints. */
export interface Comparison extends Span, FlipCounts {
  readonly deniedBefore: number
  readonly deniedNow: number
  readonly keys: number
  readonly keysNewlyDenied: number
  readonly limits: readonly LimitComparison[]
  /** Those with the most differences first. */
  readonly topKeys: readonly NamedFlips[]
  readonly topRoutes: readonly NamedFlips[]
  readonly notes: readonly string[]
}

export interface NamedFlips extends FlipCounts {
  readonly name: string
}

/** A limit before and now; `null` where it is missing. */
export interface LimitComparison {
  readonly name: string
  readonly before: { readonly text: string; readonly denied: number } | null
  readonly now: { readonly text: string; readonly denied: number } | null
}

export function comparisonOf(
  flips: Flips,
  before: Replay,
  now: Replay,
  span: Span,
  top: number,
  shown: (key: string) => string,
): Comparison {
  const names = new Set([...before.limits, ...now.limits].map(({ limit }) => limit.name))
  const side = (replay: Replay, name: string): LimitComparison['now'] => {
    const found = replay.limits.find(({ limit }) => limit.name === name)
    return found === undefined ? null : { text: found.limit.text, denied: found.tally.denied }
  }
  return {
    ...span,
    ...flips.all,
    deniedBefore: flips.deniedBefore,
    deniedNow: flips.deniedNow,
    keys: flips.byKey.size,
    keysNewlyDenied: flips.keysNewlyDenied,
    limits: [...names].map((name) => ({ name, before: side(before, name), now: side(now, name) })),
    topKeys: topOf(flips.byKey, top, shown),
    topRoutes: topOf(flips.byRoute, top, printable),
    notes: [...new Set([...before.limits, ...now.limits].flatMap(notesOf))],
  }
}

function notesOf({ limit }: LimitReplay): readonly string[] {
  return limit.notes().map((note) => `${limit.name}: ${note}`)
}

function topOf(
  counts: ReadonlyMap<string, FlipCounts>,
  top: number,
  shown: (name: string) => string,
): readonly NamedFlips[] {
  const flipped = [...counts].filter(([, { newlyDenied, newlyAllowed }]) => newlyDenied + newlyAllowed > 0)
  const total = ({ newlyDenied, newlyAllowed }: FlipCounts): number => newlyDenied + newlyAllowed
  flipped.sort(([, one], [, other]) => total(other) - total(one))
  return flipped.slice(0, top).map(([name, own]) => ({ name: shown(name), ...own }))
}

/** What `sluice compare --fail-if` can ask for: newly denied requests, newly allowed ones, and keys newly denied. */
export const COMPARISON_MEASURES: readonly string[] = ['denied', 'allowed', 'keys', 'succeeded']

export function comparisonMeasures(comparison: Comparison): readonly Measured[] {
  const { requests, newlyDenied, newlyAllowed, newlyDeniedSucceeded, keys, keysNewlyDenied } = comparison
  const of = (label: string, count: number, all: number): MeasuredValue => {
    return { label, count, share: count / Math.max(1, all) }
  }
  return [
    {
      name: 'comparison',
      values: {
        denied: of('newly denied', newlyDenied, requests),
        allowed: of('newly allowed', newlyAllowed, requests),
        keys: of('keys newly denied', keysNewlyDenied, keys),
        succeeded: of('newly denied although it had succeeded', newlyDeniedSucceeded, requests),
      },
    },
  ]
}
