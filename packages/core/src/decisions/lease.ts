import type { Ask } from './ask.js'

/** A lease that is to be held for longer: its policy's `lease.ms` from now on. */
export interface Renewal extends Ask {
  readonly lease: number
  /** Whether to hold it again where it is missing: its holder is sure that it has not expired, so the store has lost it. */
  readonly restore: boolean
}

/** A process has a random part of all numbers that a double can count to, and counts in it from a random one on. */
const COUNT = 2 ** 29
const process = Math.floor(Math.random() * 2 ** 24) * COUNT
let last = Math.floor(Math.random() * COUNT)

/** The number of a new lease, which no other process gives out: 1 to 2^53 − 1. */
export function nextLease(): number {
  last = last + 1 < COUNT ? last + 1 : 1
  return process + last
}
