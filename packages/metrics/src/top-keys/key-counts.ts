import type { Decision } from '@sluice/core'
import { SpaceSaving } from './space-saving.js'

/** Keys that are kept of each limit, while limits are few and when they are many. */
const KEYS = 1_000
const FEW_KEYS = 100
const FEW_LIMITS = 20

/** Longer keys are cut: nobody reads them, and they may be a megabyte. */
const LONGEST_KEY = 256

/** The keys of one limit that were denied most, and that took most units. */
export class KeyCounts {
  readonly denials: SpaceSaving
  readonly units: SpaceSaving

  /** @param before how many limits there were before it. */
  constructor(before: number) {
    const size = before < FEW_LIMITS ? KEYS : FEW_KEYS
    this.denials = new SpaceSaving(size)
    this.units = new SpaceSaving(size)
  }

  /** @param weight how many decisions this one stands for. */
  note({ key, cost, allowed, taken }: Decision, weight: number): void {
    if (key === '') return
    const short = key.length > LONGEST_KEY ? `${key.slice(0, LONGEST_KEY)}…` : key
    if (!allowed) this.denials.add(short, weight, weight - 1)
    else if (taken && cost > 0) this.units.add(short, weight * cost, (weight - 1) * cost)
  }
}
