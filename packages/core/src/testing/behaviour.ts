import type { StoreBench } from './bench.js'

/** A sentence, and what rejects where the store behaves otherwise. */
export type Behaviour = readonly [title: string, show: (bench: StoreBench) => Promise<void>]

/** A whole number of every window used here, so that nothing starts in the middle of one. */
export const START = 1_800_000_000_000
