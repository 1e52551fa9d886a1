/** Derives the limit from what each place that is given back reports. */
export interface LimitAlgorithm {
  /** A whole number from min to max. */
  readonly limit: number
  /** The limit, while it is not lowered to measure something: then it is higher. */
  readonly ceiling: number
  /**
   * A place was given back.
   * @param inFlight Places taken just before, this one included: the most since the last call.
   * @param denied Whether a request was denied since the last call.
   */
  released(now: number, durationMs: number | undefined, failed: boolean, inFlight: number, denied: boolean): void
}

const FIRST_LIMIT = 10

/** The limit before anything has been measured. */
export function firstLimit(min: number, max: number): number {
  return Math.min(max, Math.max(min, FIRST_LIMIT))
}
