import type { Algorithm, Cells } from '../algorithms/algorithm.js'
import { algorithms } from '../algorithms/registry.js'
import type { Ask, Return } from '../decisions/ask.js'
import type { Standing } from '../decisions/standing.js'
import type { Policy } from '../policies/policy.js'
import { boundedKey, copied } from '../runtime/key.js'

/** Buckets compared when one has to go. */
const SAMPLE = 8

/** Slots looked at for them, where many are empty. */
const SAMPLE_SLOTS = 64

/**
 * The buckets of one policy: a Map from key to slot, and their numbers side by side in one typed array
 * (or an array each, where an algorithm's buckets grow). Slot 0 is the fresh bucket that absent keys are looked up in.
 */
export class Table {
  readonly #algorithm: Algorithm
  readonly #width: number
  /** Of the policies served, the one that drains slowest: by its measure nothing expires too early. */
  #slowest: Policy
  #slots = new Map<string, number>()
  #keys: (string | undefined)[] = [undefined]
  #cells: Float64Array
  #own: number[][] | undefined
  #free: number[] = []
  #hand = 0

  constructor(policy: Policy) {
    this.#algorithm = algorithms[policy.algorithm]
    this.#width = this.#algorithm.width(policy)
    this.#slowest = policy
    this.#cells = new Float64Array(this.#width * 8)
    this.#own = this.#width === 0 ? [[]] : undefined
  }

  get size(): number {
    return this.#slots.size
  }

  serve(policy: Policy): void {
    if (policy.quota < this.#slowest.quota) this.#slowest = policy
  }

  /** The slot of a key's bucket; 0, the fresh one, when it has none. */
  slotOf(key: string): number {
    return this.#slots.get(boundedKey(key)) ?? 0
  }

  decide(slot: number, ask: Ask, now: number, commit: boolean): Standing {
    const { policy, cost } = ask
    return this.#algorithm.decide(this.#cellsOf(slot), slot * this.#width, policy, cost, now, commit)
  }

  /** Opens a bucket for a key that has none. */
  open(key: string): number {
    const own = copied(boundedKey(key))
    const slot = this.#free.pop() ?? this.#keys.length
    this.#slots.set(own, slot)
    this.#keys[slot] = own
    if (this.#own !== undefined) this.#own[slot] = []
    else if ((slot + 1) * this.#width > this.#cells.length) this.#grow()
    return slot
  }

  refund(back: Return, now: number): void {
    const slot = this.slotOf(back.key)
    if (slot === 0) return
    this.#algorithm.refund(this.#cellsOf(slot), slot * this.#width, back.policy, back.cost, back.at, now)
  }

  delete(key: string): void {
    this.#drop(this.slotOf(key))
  }

  /** Looks at the next `count` slots, drops the buckets that are as good as fresh, and tells how many. */
  sweep(count: number, now: number): number {
    let dropped = 0
    for (let i = Math.min(count, this.#keys.length - 1); i > 0; i--) {
      const slot = this.#next()
      if (this.#keys[slot] !== undefined && this.#usedIn(slot, now) === 0) {
        this.#drop(slot)
        dropped += 1
      }
    }
    return dropped
  }

  /** Drops the least used of the next few buckets. */
  evict(now: number): void {
    let least = 0
    let leastUsed = Number.POSITIVE_INFINITY
    for (let slots = 0, seen = 0; seen < SAMPLE && (slots < SAMPLE_SLOTS || seen === 0); slots++) {
      const slot = this.#next()
      if (this.#keys[slot] === undefined) continue
      seen += 1
      const used = this.#usedIn(slot, now)
      if (used < leastUsed) {
        least = slot
        leastUsed = used
      }
    }
    this.#drop(least)
  }

  #usedIn(slot: number, now: number): number {
    return this.#algorithm.used(this.#cellsOf(slot), slot * this.#width, this.#slowest, now)
  }

  /** The hand goes round all slots, empty ones too. */
  #next(): number {
    this.#hand = this.#hand + 1 < this.#keys.length ? this.#hand + 1 : 1
    return this.#hand
  }

  #drop(slot: number): void {
    const key = this.#keys[slot]
    if (key === undefined) return
    this.#slots.delete(key)
    if (this.#slots.size === 0) {
      this.#clear()
      return
    }
    this.#keys[slot] = undefined
    this.#free.push(slot)
    if (this.#own !== undefined) this.#own[slot] = []
    else this.#cells.fill(0, slot * this.#width, (slot + 1) * this.#width)
  }

  /** Empty: the memory goes back too. */
  #clear(): void {
    this.#slots = new Map()
    this.#keys = [undefined]
    this.#cells = new Float64Array(this.#width * 8)
    this.#own = this.#own === undefined ? undefined : [[]]
    this.#free = []
    this.#hand = 0
  }

  #cellsOf(slot: number): Cells {
    return this.#own?.[slot] ?? this.#cells
  }

  #grow(): void {
    const larger = new Float64Array(this.#cells.length * 2)
    larger.set(this.#cells)
    this.#cells = larger
  }
}
