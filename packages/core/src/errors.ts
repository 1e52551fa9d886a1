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

/** A value as it should stand in an error sentence: short, quoted, never a megabyte. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
