import type { Unit } from './rate.js'

/** How a policy counts. */
export type AlgorithmName =
  | 'fixed-window'
  | 'exact-window'
  | 'sliding-window'
  | 'sub-windows'
  | 'sliding-log'
  | 'token-bucket'
  | 'leaky-bucket'

/** One named rule: a quota of units in a window, by one algorithm. Made by the constructors, such as `tokenBucket`. */
export interface Policy {
  /** As it stands in header fields and events. Empty until a limit gives one. */
  readonly name: string
  readonly algorithm: AlgorithmName
  /** Units in one window, 1 to 10^15 − 1. */
  readonly quota: number
  /** Milliseconds. */
  readonly windowMs: number
  readonly unit: Unit
  /** The most units that can ever pass at once: the quota, or a bucket's burst, and its queue if it has one. */
  readonly capacity: number
  /** Units that pass without being held; less than `capacity` only where there is a queue. */
  readonly burst: number
  /** Parts of the window that are counted apart; 0 when the window is counted as a whole. */
  readonly subWindows: number
  /** Decides and counts, but never denies. */
  readonly shadow: boolean
  /** Used shares, ascending, each in (0, 1], from which on clients are warned. */
  readonly warnAt: readonly number[]
  /**
   * Identifies the bucket together with the key: whose name it has, algorithm, unit and window, but not the quota, so that
   * usage outlives a change of plan.
   */
  readonly address: string
}

const MADE: unique symbol = Symbol.for('sluice.policies')

/** A policy as a constructor builds it. */
export type PolicyParts = Omit<Policy, 'address' | 'shadow' | 'warnAt'>

/** What a limit adds to a policy. `bucket` is the name in the address; `name` is the one that clients see. */
export interface Binding extends Pick<Policy, 'name' | 'shadow' | 'warnAt'> {
  readonly bucket: string
}

/** Shared by all copies of this module in a process: a bundle may have one as ES module and one as CommonJS. */
const made = sharedSet()

function sharedSet(): WeakSet<object> {
  const place = globalThis as { [MADE]?: WeakSet<object> }
  place[MADE] ??= new WeakSet()
  return place[MADE]
}

/** Whether a value came from one of the constructors. */
export function isPolicy(value: unknown): value is Policy {
  return typeof value === 'object' && value !== null && made.has(value)
}

/** A policy that no limit has bound yet. */
export function newPolicy(parts: PolicyParts): Policy {
  return finish({ ...parts, shadow: false, warnAt: [] }, parts.name)
}

/** The same policy under a limit's name and options. */
export function bindPolicy(policy: Policy, { bucket, name, shadow, warnAt }: Binding): Policy {
  return finish({ ...policy, name, shadow, warnAt }, bucket)
}

/** The layout of buckets in shared stores: a new number makes processes of an older version keep to their own buckets. */
const LAYOUT = 2

function finish(parts: Omit<Policy, 'address'>, bucket: string): Policy {
  const { algorithm, windowMs, subWindows, unit } = parts
  const kind = [algorithm, ...(subWindows === 0 ? [] : [subWindows]), ...(unit === 'requests' ? [] : [unit])].join('-')
  const policy = Object.freeze({ ...parts, address: `${bucket}:${kind}:${windowMs}:${LAYOUT}` })
  made.add(policy)
  return policy
}
