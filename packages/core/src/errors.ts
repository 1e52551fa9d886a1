/** Something in the configuration cannot be right. Thrown at start-up, before the first request. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  /** Always `'SLUICE_CONFIG'`. */
  readonly code = 'SLUICE_CONFIG'
}

/** A request gave no usable partition key, so no bucket could be chosen. Nothing was taken. */
export class KeyError extends Error {
  override readonly name = 'KeyError'
  /** Always `'SLUICE_KEY'`. */
  readonly code = 'SLUICE_KEY'
}

/** A request's cost was not a whole number ≥ 0. Nothing was taken. */
export class CostError extends Error {
  override readonly name = 'CostError'
  /** Always `'SLUICE_COST'`. */
  readonly code = 'SLUICE_COST'
}

/** A request's plan is none that its limit has. Nothing was taken. */
export class PlanError extends Error {
  override readonly name = 'PlanError'
  /** Always `'SLUICE_PLAN'`. */
  readonly code = 'SLUICE_PLAN'
}

interface StoreErrorDetails {
  readonly cause?: unknown
  readonly bucket?: string
  readonly uncertain?: boolean
}

/**
 * The store could not decide: it did not answer in time, or answered with an error, which is the `cause`.
 * Requests do not see it: `onStoreError` decides for them, and the events `degraded` and `error` carry it.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  /** Always `'SLUICE_STORE'`. */
  readonly code = 'SLUICE_STORE'
  /** The name of the one bucket at fault, where the rest of the store is well. */
  readonly bucket: string | undefined
  /** Whether the store may have done what it was asked to do all the same: its answer was lost on the way. */
  readonly uncertain: boolean

  constructor(message: string, { cause, bucket, uncertain = false }: StoreErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.bucket = bucket
    this.uncertain = uncertain
  }
}

/** By its code: the store may come with another copy of this module. */
export function isStoreError(error: unknown): error is StoreError {
  return isError(error) && 'code' in error && error.code === 'SLUICE_STORE'
}

/** Also an error of another realm: under Jest, Node's own errors are no instances of the tests' `Error`. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]'
}

/** What was thrown, in one line: an error's message, or the value itself. */
export function describe(thrown: unknown): string {
  try {
    return isError(thrown) ? String(thrown.message) : shown(thrown)
  } catch {
    return 'an error that cannot be read'
  }
}

/** A value as it should stand in an error sentence: short, quoted, never a megabyte. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
