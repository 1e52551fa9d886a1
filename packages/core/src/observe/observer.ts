import type { Decision } from '../decisions/decision.js'
import type { StoreError } from '../errors.js'
import type { Policy } from '../policies/policy.js'

/** How a wait in a line ended: let in, denied all the same, or given up by whoever waited. */
export type WaitResult = 'allowed' | 'limited' | 'canceled'

/**
 * Learns what limits do, in the same job as they do it: its methods have to be fast and must not keep what they are given. What
 * they throw is reported by the event `error`, and harms no request.
 */
export interface Observer {
  /**
   * A limit has decided, once for each request.
   * @param tookMs How long that took; `undefined` where it was not measured: beyond a thousand a second only one in 64 is, and
   * none that can wait in a queue.
   */
  decided?(limit: string, decision: Decision, request: unknown, tookMs: number | undefined): void
  /** The same, of those that were denied alone. */
  denied?(limit: string, decision: Decision, request: unknown): void
  /** A request has passed a limit without a decision: by `skip`, or as one of the clients that are always allowed. */
  skipped?(limit: string, request: unknown): void
  /** Nothing was decided: the client left, or whoever waited gave up. */
  canceled?(limit: string, request: unknown): void
  /** A wait for a slot, or for a denial's time to come, is over. */
  waited?(limit: string, policy: Policy, waitedMs: number, result: WaitResult): void
  /** The slots of a decision were released, after so many milliseconds. */
  released?(limit: string, decision: Decision, heldMs: number): void
  /** A policy's used share has passed `share`, as the event `warning` says it. */
  warned?(limit: string, policy: Policy, key: string, share: number, used: number): void
  /** A key was banned until then, in Unix milliseconds, so many times in a row. */
  banned?(limit: string, key: string, until: number, times: number): void
  /** What was settled beyond what had been taken was taken now. */
  charged?(limit: string, charged: Decision): void
}

/** What a store on a server is asked to do. */
export type StoreOperation = 'consume' | 'peek' | 'refund' | 'renew' | 'edit' | 'reset' | 'clear' | 'texts'

/** Why a store did not do it: too late, or it cannot be reached, or one bucket of it cannot be used. */
export type StoreFault = 'timeout' | 'connection' | 'bucket'

/** Learns how a store answers that does so later. A store in this process has nothing to wait for. */
export interface StoreObserver {
  answered?(operation: StoreOperation, tookMs: number): void
  failed?(operation: StoreOperation, fault: StoreFault): void
  /** The store, or the named part of it, does not decide any more, and decides again after so many milliseconds. */
  degraded?(error: StoreError, part: string): void
  recovered?(part: string, afterMs: number): void
}
