import type { FileReport } from '../logs/log-file.js'
import type { QuotaCurve } from '../replay/quota-curve.js'
import type { RetryModel } from '../replay/retries.js'

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
