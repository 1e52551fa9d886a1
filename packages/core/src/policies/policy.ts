import type { AdaptiveTerms } from '../adaptive/adaptive-limit.js'
import type { Calendar } from './calendar.js'
import { largestDebt } from './debt.js'
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
  | 'quota'
  | 'concurrency'

/** How the slots of a concurrency policy are held. */
export interface LeaseTerms {
  /** Milliseconds for which a slot is held unless its holder renews it. */
  readonly ms: number
  /** Whether clients share the slots: a denial is then nobody's fault, and answered with 503. */
  readonly shared: boolean
  /** Where requests wait for a slot; `undefined` where they do not. */
  readonly queue: QueueTerms | undefined
  /** Where the limit is derived from latency, in this process alone. */
  readonly adaptive?: AdaptiveTerms | undefined
}

/** How many wait for a slot of one key, and how long. */
export interface QueueTerms {
  readonly size: number
  readonly timeoutMs: number
}

/** One named rule: a quota of units in a window, by one algorithm. Made by the constructors, such as `tokenBucket`. */
export interface Policy {
  /** As it stands in header fields and events. Empty until a limit gives one. */
  readonly name: string
  readonly algorithm: AlgorithmName
  /** Units in one window, 1 to 10^15 − 1. */
  readonly quota: number
  /**
   * Milliseconds. Of a calendar quota the usual length, as 30 days of a month; a standing's `period` has the true one.
   * `Infinity` for a concurrency policy, whose units return when they are released.
   */
  readonly windowMs: number
  readonly unit: Unit
  /**
   * The most units that can pass at once: the quota, or a bucket's burst, and its queue if it has one. Of a calendar quota,
   * with its overage but without what is granted or rolled over; 2^53 − 1 where it is soft.
   */
  readonly capacity: number
  /** Units that pass without being held; less than `capacity` only where there is a queue. */
  readonly burst: number
  /** Parts of the window that are counted apart; 0 when the window is counted as a whole. */
  readonly subWindows: number
  /** The periods of a calendar quota. */
  readonly calendar: Calendar | undefined
  /** How slots are held; `undefined` unless it is a concurrency policy. */
  readonly lease: LeaseTerms | undefined
  /** Never denies: what there is no room for is owed. A calendar quota reports it as over, any other as debt. */
  readonly soft: boolean
  /** Units beyond `capacity` that a bucket can owe, whether a soft policy let them pass or a reservation cost more. */
  readonly maxDebt: number
  /** Of a calendar quota: units beyond it that still pass, and are reported as over. */
  readonly overage: number
  /** Of a calendar quota: the most units that a period leaves to the next. */
  readonly rollover: number
  /** Of a calendar quota: past periods whose totals are kept. */
  readonly history: number
  /** The plan that it is part of, where its limit has plans. */
  readonly plan: string | undefined
  /** Decides and counts, but never denies. */
  readonly shadow: boolean
  /** Used shares, ascending, each in (0, 1], from which on clients are warned. */
  readonly warnAt: readonly number[]
  /** Units after which clients are warned again, beyond the highest `warnAt`; 0 where they are not. */
  readonly warnEvery: number
  /**
   * Identifies the bucket together with the key: whose name it has, algorithm, unit and window or calendar, but not the
   * quota, so that usage outlives a change of plan.
   */
  readonly address: string
}

const MADE: unique symbol = Symbol.for('sluice.policies')

/** A policy as a constructor builds it. */
export type PolicyParts = Omit<Policy, 'address' | 'plan' | 'shadow' | 'warnAt' | 'warnEvery' | 'maxDebt'>

/** What only calendar quotas have, as all others have it. */
export const NO_PERIODS = { calendar: undefined, soft: false, overage: 0, rollover: 0, history: 0 } as const

/** What a limit adds to a policy. `bucket` is the name in the address; `name` is the one that clients see. */
export interface Binding extends Pick<Policy, 'name' | 'plan' | 'shadow' | 'warnAt' | 'warnEvery'> {
  readonly maxDebt?: number
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
  const unbound = { plan: undefined, shadow: false, warnAt: [], warnEvery: 0 }
  return finish({ ...parts, ...unbound, maxDebt: largestDebt(parts) }, parts.name)
}

const softened = new WeakMap<Policy, Policy>()

/** The same policy, in the same bucket, as it takes what it may no longer refuse, at most `mostDebt` beyond its capacity. */
export function asSoft(policy: Policy, mostDebt: number = policy.maxDebt): Policy {
  if (policy.soft && policy.maxDebt <= mostDebt) return policy
  const known = softened.get(policy)
  const maxDebt = Math.min(policy.maxDebt, mostDebt)
  if (known?.maxDebt === maxDebt) return known
  const capacity = policy.calendar === undefined ? policy.capacity : Number.MAX_SAFE_INTEGER
  const soft = finish({ ...policy, soft: true, capacity, maxDebt }, bucketOf(policy))
  softened.set(policy, soft)
  return soft
}

/** The same policy under a limit's name and options. */
export function bindPolicy(policy: Policy, { bucket, ...binding }: Binding): Policy {
  return finish({ ...policy, ...binding, maxDebt: binding.maxDebt ?? policy.maxDebt }, bucket)
}

/** The name in a policy's address: all but the last three parts. */
export function bucketOf({ address }: Policy): string {
  return address.split(':').slice(0, -3).join(':')
}

/** The same policy, counted as a text of more than ten units is: in the bucket of that. */
export function asSliding(policy: Policy): Policy {
  const sliding = { ...policy, algorithm: 'sliding-window' } as const
  return finish({ ...sliding, maxDebt: Math.min(policy.maxDebt, largestDebt(sliding)) }, bucketOf(policy))
}

/** The layout of buckets in shared stores: a new number makes processes of an older version keep to their own buckets. */
const LAYOUT = 2

function finish(parts: Omit<Policy, 'address'>, bucket: string): Policy {
  const { algorithm, windowMs, subWindows, unit, calendar, lease } = parts
  const kind = [algorithm, ...(subWindows === 0 ? [] : [subWindows]), ...(unit === 'requests' ? [] : [unit])].join('-')
  const window = lease === undefined ? (calendar?.id ?? windowMs) : 'held'
  const policy = Object.freeze({
    ...parts,
    address: `${bucket}:${lease === undefined ? kind : algorithm}:${window}:${LAYOUT}`,
  })
  made.add(policy)
  return policy
}
