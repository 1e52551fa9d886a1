import type { Standing } from '../decisions/standing.js'
import type { AlgorithmName, Policy } from '../policies/policy.js'

/** The numbers of one or many buckets; a bucket begins at `at` and is all noughts (or empty) when fresh. */
export interface Cells {
  [index: number]: number
  length: number
}

/**
 * One algorithm: pure arithmetic on one bucket. It owns no clock and no storage.
 * `now` is in whole milliseconds and should not run backwards; if it does, the bucket is first pulled back to the
 * fullest state that is possible at `now`, so that a clock that jumped ahead and returned locks nobody out for longer
 * than one capacity-time.
 */
export interface Algorithm {
  readonly name: AlgorithmName
  /** Cells in a bucket, or, of one that grows, those that it always has; 0 when it has an array of its own. */
  width(policy: Policy): number
  /** Whether more cells may follow those that a bucket always has. Such a bucket is empty where all of these are 0. */
  readonly grows?: boolean
  /** Takes `cost` where the cells that a bucket always has are all that it takes; otherwise changes nothing. */
  quick?(cells: Cells, at: number, policy: Policy, cost: number, now: number): Standing | undefined
  /**
   * How the bucket stands, and whether `cost` passes. With `commit`, what passes is taken and the standing is the one
   * after it; without, nothing changes that a decision could tell. Slots are held under the number `lease`.
   */
  decide(
    cells: Cells,
    at: number,
    policy: Policy,
    cost: number,
    now: number,
    commit: boolean,
    lease?: number | undefined,
  ): Standing
  /**
   * Gives back `cost` units that were taken at the time `taken`, never more than is still owed. Answers with how many of
   * them were over the quota, where the algorithm knows of that.
   */
  refund(
    cells: Cells,
    at: number,
    policy: Policy,
    cost: number,
    taken: number,
    now: number,
    lease?: number | undefined,
  ): number | undefined
  /** Units in use, a number ≥ 0; 0 when, and only when, the bucket equals a fresh one. */
  used(cells: Cells, at: number, policy: Policy, now: number): number
}
