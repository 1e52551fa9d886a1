import type { Algorithm } from './algorithms/algorithm.js'
import { ConfigError, shown } from './errors.js'
import { checkOptions } from './options.js'
import { parseRate, type Unit } from './parse.js'

/** One named rule: a quota of units in a window, by one algorithm. Made by the constructors, such as `tokenBucket`. */
export interface Policy {
  /** Stands in the header fields and in the bucket's address. Empty until a limit gives one. */
  readonly name: string
  readonly algorithm: Algorithm
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
  /** Names the bucket together with the key: name, algorithm and window, but not the quota, so that usage outlives a change of plan. */
  readonly address: string
}

/** What every constructor takes beside its text. */
export interface PolicyOptions {
  /** Printable ASCII. Only needed where two policies of one limit have the same window. */
  readonly name?: string
}

/** The parts in which one algorithm's policies differ from another's. */
interface Shape {
  readonly burst?: number
  readonly queue?: number
  readonly subWindows?: number
}

const made = new WeakSet<object>()

/** Whether this came from one of the constructors. */
export function isPolicy(value: unknown): value is Policy {
  return typeof value === 'object' && value !== null && made.has(value)
}

/**
 * Builds an unnamed policy from its text: what the constructors share.
 * @throws {ConfigError} on a malformed text, an unknown option or a name that cannot stand in a header.
 */
export function makePolicy(
  algorithm: Algorithm,
  place: string,
  text: string,
  options: PolicyOptions,
  known: readonly string[],
  shape: (quota: number) => Shape = () => ({}),
): Policy {
  if (typeof text !== 'string') {
    throw new ConfigError(`${place}() takes a limit such as '100/min', got ${shown(text)}.`)
  }
  checkOptions(`${place}('${text}')`, options, ['name', ...known])
  const { quota, windowMs, unit } = parseRate(text)
  const { burst = quota, queue = 0, subWindows = 0 } = shape(quota)
  const name = options.name === undefined ? '' : checkName(options.name)
  return finish({
    name,
    algorithm,
    quota,
    windowMs,
    unit,
    capacity: burst + queue,
    burst,
    subWindows,
    shadow: false,
    warnAt: [],
  })
}

/** The same policy under a limit's name and options. */
export function bindPolicy(policy: Policy, bound: Pick<Policy, 'name' | 'shadow' | 'warnAt'>): Policy {
  const { name, shadow, warnAt } = bound
  return finish({ ...policy, name, shadow, warnAt })
}

function finish(parts: Omit<Policy, 'address'>): Policy {
  const { algorithm, name, windowMs, subWindows } = parts
  const kind = subWindows === 0 ? algorithm.name : `${algorithm.name}-${subWindows}`
  const policy = Object.freeze({ ...parts, address: `${name}:${kind}:${windowMs}:1` })
  made.add(policy)
  return policy
}

/** @throws {ConfigError} unless it is 1 to 128 characters of printable ASCII, as a structured field's String must be. */
export function checkName(name: unknown): string {
  if (typeof name === 'string' && /^[ -~]{1,128}$/.test(name)) return name
  throw new ConfigError(
    `name: expected 1 to 128 characters of printable ASCII, since it stands in header fields, got ${shown(name)}.`,
  )
}

/** @throws {ConfigError} unless `value` is a whole number from `least` to `most`. */
export function checkWhole(option: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw new ConfigError(`${option}: expected a whole number from ${least} to ${most}, got ${shown(value)}.`)
}
