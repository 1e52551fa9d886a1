import type { Decision, MemoryStore, Policy } from '@sluice/core'
import type { LogEntry } from '../logs/entry.js'
import type { EntryKeys } from './entry-keys.js'

/** A limit as the replay needs it. */
export interface SimulatedLimit {
  readonly name: string
  /** Its policies, as they are shown. */
  readonly text: string
  /** The routes it covers, as they are shown; `undefined` for all. */
  readonly routes: string | undefined
  /** By whose key results are counted. */
  readonly keys: EntryKeys
  /** Whether requests cost other than one unit. */
  readonly isWeighted: boolean
  /** What of the limit is not simulated, and what the log lacked, once it has been read. */
  notes(): readonly string[]
  /** Whether it holds for an entry. */
  covers(entry: LogEntry): boolean
  /** Makes it over a store. */
  bind(store: MemoryStore): BoundLimit
}

export interface BoundLimit {
  /** The policies that there are, of all plans. */
  readonly policies: readonly Policy[]
  /**
   * Takes for an entry whose key has this place; -1 where only the limit knows its key. `undefined` where it is not limited, and
   * `'unkeyed'` where its line has no key.
   */
  decide(entry: LogEntry, place: number): Decision | undefined | 'unkeyed'
}
