import type { SimulatedLimit } from '../limits/simulated-limit.js'
import type { LogEntry } from '../logs/entry.js'
import type { LogFile } from '../logs/log-file.js'
import { merged } from '../logs/merged.js'
import { LimitReplay } from './limit-replay.js'
import type { RetryModel } from './retries.js'
import { dependsOnSeconds, Spread } from './spread.js'

/** Limits by a log's own time, each of which decides as if it were the only one. */
export class Replay {
  readonly limits: readonly LimitReplay[]
  /** The same limits with the requests of each second spread over it, where that makes a difference. */
  readonly spread: ReadonlyMap<LimitReplay, LimitReplay>
  entries = 0
  /** Entries that at least one limit denied. */
  denied = 0
  readonly #spreading: Spread

  constructor(limits: readonly SimulatedLimit[], retries: RetryModel) {
    this.limits = limits.map((limit) => new LimitReplay(limit, retries))
    const dependent = this.limits.filter(dependsOnSeconds)
    this.spread = new Map(dependent.map((replay) => [replay, new LimitReplay(replay.limit, retries)]))
    this.#spreading = new Spread([...this.spread.values()])
  }

  /**
   * Takes entries in the order in which they began; returns which of them are denied. Limit by limit, since the buckets of one fit
   * into a processor's cache better than those of all.
   */
  take(entries: readonly LogEntry[], { isCoarse, hasCoarse }: Resolution): Uint8Array {
    const denied = new Uint8Array(entries.length)
    for (const limit of this.limits) limit.take(entries, denied)
    for (const isDenied of denied) this.denied += isDenied
    this.entries += entries.length
    if (hasCoarse && this.spread.size > 0) for (const entry of entries) this.#spreading.take(entry, isCoarse)
    return denied
  }

  /** What is still to come when the logs have ended. */
  end(): void {
    this.#spreading.end()
    for (const limit of this.limits) limit.end()
  }
}

/** What the beginning of a log says. */
export interface Peeked {
  readonly firstAt: number
  readonly isCoarse: boolean
}

/** How exact times are: of these entries, and whether any log has whole seconds. */
export interface Resolution {
  readonly isCoarse: boolean
  readonly hasCoarse: boolean
}

/** For replays whose best and worst case are not asked for. */
export const AS_IT_IS: Resolution = { isCoarse: false, hasCoarse: false }

export type TakeRun = (entries: readonly LogEntry[], resolution: Resolution) => void

/** When the first and the last request of logs began, in Unix milliseconds. */
export interface Span {
  readonly firstAt: number
  readonly lastAt: number
}

/** Calls back with the entries of the logs, in order, some at a time, and whether times are whole seconds. */
export async function readAll(
  files: readonly LogFile[],
  peek: (file: LogFile) => Promise<Peeked>,
  take: TakeRun,
): Promise<Span> {
  let firstAt = Number.POSITIVE_INFINITY
  let lastAt = Number.NEGATIVE_INFINITY
  const peeked = async (file: LogFile): Promise<Peeked> => {
    const seen = await peek(file)
    hasCoarse ||= seen.isCoarse
    return seen
  }
  let hasCoarse = false
  for await (const { file, entries } of merged(files, async (one) => (await peeked(one)).firstAt)) {
    take(entries, { isCoarse: file.isCoarse, hasCoarse: hasCoarse || file.isCoarse })
    firstAt = Math.min(firstAt, entries[0]?.at ?? firstAt)
    lastAt = Math.max(lastAt, entries.at(-1)?.at ?? lastAt)
  }
  return { firstAt, lastAt }
}
