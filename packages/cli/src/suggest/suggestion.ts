import { routeName } from '@sluice/core/http'
import { printable } from '../result/shown-key.js'
import { type AbuseReason, separateAbuse } from './abuse.js'
import { ALL, type KeyPeaks, type Peaks, WINDOWS } from './peaks.js'

/** Proposed limits: what `sluice simulate --suggest --json` prints. */
export interface Suggestion {
  readonly key: string
  readonly firstAt: number
  readonly lastAt: number
  readonly routes: readonly RouteSuggestion[]
  /** Routes with too few keys to say anything of. */
  readonly routesLeftOut: readonly string[]
  /** Lines ready for sluice.config.yaml. */
  readonly config: string
}

export interface RouteSuggestion {
  readonly route: string
  readonly name: string
  readonly requests: number
  readonly keys: number
  /** The peaks of legitimate keys in each window. */
  readonly peaks: readonly WindowPeaks[]
  /** A token bucket for rate and burst, and a limit a day. */
  readonly perMinute: number
  readonly burst: number
  readonly perDay: number
  readonly excluded: readonly ExcludedKey[]
}

export interface WindowPeaks {
  readonly window: string
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export interface ExcludedKey {
  readonly key: string
  readonly reason: AbuseReason
  readonly requests: number
  readonly refused: number
  readonly peakPerMinute: number
}

export const LEAST_KEYS = 200
export const LEAST_SPAN_MS: number = 24 * 3_600_000

/** Above the highest percentile of what legitimate keys did. */
const HEADROOM = 1.5

/** Proposes limits by what legitimate keys did at most. `nameOf` says how a key is shown. */
export function suggest(
  peaks: Peaks,
  span: { readonly firstAt: number; readonly lastAt: number },
  keyText: string,
  nameOf: (key: string) => string,
): Suggestion {
  const routes: RouteSuggestion[] = []
  const routesLeftOut: string[] = []
  for (const [route, own] of peaks.routes) {
    if (own.size < LEAST_KEYS) routesLeftOut.push(printable(route))
    else routes.push(suggestRoute(route, own.all(), nameOf))
  }
  routes.sort((one, other) => other.requests - one.requests)
  return { key: keyText, ...span, routes, routesLeftOut, config: configLines(routes, keyText) }
}

function suggestRoute(route: string, keys: readonly KeyPeaks[], nameOf: (key: string) => string): RouteSuggestion {
  const { legitimate, abusive } = separateAbuse(keys)
  const peaks = WINDOWS.map(({ name }, i) =>
    percentiles(
      name,
      legitimate.map((key) => key.peaks[i] ?? 0),
    ),
  )
  const [second, tenSeconds, minute, , day] = peaks.map(({ p999 }) => p999)
  const perMinute = nice((minute ?? 0) * HEADROOM)
  // A bucket that holds what comes at once, less what it gains while more comes.
  const burst = nice(Math.max(second ?? 0, (tenSeconds ?? 0) - perMinute / 6) * HEADROOM)
  return {
    route: printable(route),
    name: route === ALL ? 'default' : routeName(route),
    requests: keys.reduce((sum, { requests }) => sum + requests, 0),
    keys: keys.length,
    peaks,
    perMinute,
    burst: Math.min(burst, perMinute),
    perDay: nice(Math.max((day ?? 0) * HEADROOM, perMinute)),
    excluded: abusive.map(({ key, reason, requests, refused, peaks: [, , peakPerMinute = 0] }) => {
      return { key: nameOf(key), reason, requests, refused, peakPerMinute }
    }),
  }
}

function percentiles(window: string, peaks: readonly number[]): WindowPeaks {
  const sorted = [...peaks].sort((one, other) => one - other)
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return { window, p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) }
}

const STEPS = [1, 1.5, 2, 3, 4, 5, 6, 8, 10]

/** The next number that people would write: 15, 20, 30, 40, 50, 60, 80, 100, 150. */
export function nice(value: number): number {
  if (value <= 5) return Math.max(1, Math.ceil(value))
  const power = 10 ** Math.floor(Math.log10(value))
  const step = STEPS.find((one) => one * power >= value - 1e-9) ?? 10
  return Math.round(step * power)
}

/** As `--limit` takes it. */
export function limitText({ perMinute, burst, perDay }: RouteSuggestion): string {
  return `${perMinute}/min burst ${burst}, ${perDay}/day`
}

function configLines(routes: readonly RouteSuggestion[], keyText: string): string {
  const lines = routes.map(({ name, perMinute, burst, perDay }) => {
    return `  ${JSON.stringify(name)}: [{ tokenBucket: ${perMinute}/min, burst: ${burst} }, ${perDay}/day]`
  })
  const isHeader = /^header:[^+]+$/.test(keyText)
  return [...(isHeader ? ['defaults:', `  key: ${keyText}`] : []), 'limits:', ...lines].join('\n')
}
