import type { Algorithm, Cells } from '../algorithms/algorithm.js'
import { renew } from '../algorithms/concurrency.js'
import { type EditAnswer, edit } from '../algorithms/quota-edit.js'
import type { Ask, Return } from '../decisions/ask.js'
import type { Edit } from '../decisions/edit.js'
import type { Renewal } from '../decisions/lease.js'
import type { Standing } from '../decisions/standing.js'
import type { Policy } from '../policies/policy.js'
import { copied } from '../runtime/key.js'

/** Buckets compared when one has to go, and slots looked at for them, where many are empty. */
const SAMPLE = 6
const SAMPLE_SLOTS = 64

/** A capacity is kept in one byte, as its logarithm in fifths of an octave: near enough to compare shares. */
const STEPS = 5

/** How many buckets a table, or a store, holds in all. */
export interface Tally {
  size: number
}

/** A bucket that could go, and how much of its capacity is in use. */
export interface Candidate {
  readonly slot: number
  readonly share: number
}

/**
 * A part of a table: a Map from key to slot, and the buckets' numbers side by side in one typed array (or an array each,
 * where an algorithm's buckets grow). Slot 0 is the fresh bucket that absent keys are looked up in.
 */
export class Shard {
  readonly #algorithm: Algorithm
  readonly #policy: Policy
  readonly #width: number
  readonly #table: Tally
  readonly #store: Tally
  #slots = new Map<string, number>()
  #keys: (string | undefined)[] = [undefined]
  #cells: Float64Array
  /** The size of each bucket, by the policy that wrote it last: a table serves several plans. */
  #sizes = new Uint8Array(8)
  #lastPolicy: Policy | undefined
  #lastSize = 0
  #own: number[][] | undefined
  /** Of buckets that grow, the cells that follow those in the typed array. */
  #more: Map<number, readonly number[]> | undefined
  #free: number[] = []
  #hand = 0

  constructor(algorithm: Algorithm, policy: Policy, table: Tally, store: Tally) {
    this.#algorithm = algorithm
    this.#policy = policy
    this.#width = algorithm.width(policy)
    this.#table = table
    this.#store = store
    this.#cells = new Float64Array(this.#width * 8)
    this.#own = this.#width === 0 ? [[]] : undefined
    this.#more = algorithm.grows === true ? new Map() : undefined
  }

  get size(): number {
    return this.#slots.size
  }

  /** The slot of a key's bucket; 0, the fresh one, when it has none. */
  slotOf(key: string): number {
    return this.#slots.get(key) ?? 0
  }

  decide(slot: number, { policy, cost, lease }: Ask, now: number, commit: boolean): Standing {
    if (commit) this.#sizes[slot] = policy === this.#lastPolicy ? this.#lastSize : this.#sizeOf(policy)
    if (this.#more !== undefined) {
      const quick = commit ? this.#algorithm.quick?.(this.#cells, slot * this.#width, policy, cost, now) : undefined
      return quick ?? this.#whole(slot, (cells) => this.#algorithm.decide(cells, 0, policy, cost, now, commit))
    }
    return this.#algorithm.decide(this.#cellsOf(slot), slot * this.#width, policy, cost, now, commit, lease)
  }

  /** Opens a bucket for a key that has none. */
  open(key: string): number {
    const own = copied(key)
    const slot = this.#free.pop() ?? this.#keys.length
    this.#slots.set(own, slot)
    this.#keys[slot] = own
    this.#count(1)
    if (slot >= this.#sizes.length) this.#grow()
    if (this.#own !== undefined) this.#own[slot] = []
    return slot
  }

  refund(key: string, back: Return, now: number): number | undefined {
    const slot = this.slotOf(key)
    if (slot === 0) return 0
    const { policy, cost, at, lease } = back
    if (this.#more === undefined) {
      return this.#algorithm.refund(this.#cellsOf(slot), slot * this.#width, policy, cost, at, now, lease)
    }
    return this.#whole(slot, (cells) => this.#algorithm.refund(cells, 0, policy, cost, at, now))
  }

  /** Whether the lease is held from now on. */
  renew(key: string, { policy, cost, lease, restore }: Renewal, now: number): boolean {
    const slot = this.slotOf(key)
    return slot !== 0 && renew(this.#cellsOf(slot), policy, cost, lease, restore, now)
  }

  /** Changes a quota's bucket, or tells its past. */
  edit(slot: number, change: Edit, now: number): EditAnswer {
    const { verb, policy } = change
    if (verb === 'grant') this.#sizes[slot] = this.#sizeOf(policy)
    return this.#whole(slot, (cells) => edit(cells, change, now))
  }

  /** Looks at the next `count` slots, drops the buckets that are fresh again, and returns how many. */
  sweep(count: number, now: number): number {
    let dropped = 0
    for (let i = Math.min(count, this.#keys.length - 1); i > 0; i--) {
      const slot = this.#next()
      if (this.#keys[slot] !== undefined && this.#usedIn(slot, now) === 0) {
        this.drop(slot)
        dropped += 1
      }
    }
    return dropped
  }

  /** The bucket that uses the least share of its capacity among the next few, the key's own left out. */
  candidate(spared: string, now: number): Candidate | undefined {
    let least: Candidate | undefined
    for (let slots = 0, seen = 0; slots < this.#keys.length && seen < SAMPLE; slots++) {
      if (slots >= SAMPLE_SLOTS && least !== undefined) break
      const slot = this.#next()
      const key = this.#keys[slot]
      if (key === undefined || key === spared) continue
      seen += 1
      const used = this.#usedIn(slot, now)
      if (used >= 1 && this.#policy.lease !== undefined) continue
      const share = used / 2 ** ((this.#sizes[slot] ?? 0) / STEPS)
      if (least === undefined || share < least.share) least = { slot, share }
    }
    return least
  }

  drop(slot: number): void {
    const key = this.#keys[slot]
    if (key === undefined) return
    this.#slots.delete(key)
    this.#count(-1)
    if (this.#slots.size === 0) {
      this.#empty()
      return
    }
    this.#keys[slot] = undefined
    this.#free.push(slot)
    this.#more?.delete(slot)
    if (this.#own !== undefined) this.#own[slot] = []
    else this.#cells.fill(0, slot * this.#width, (slot + 1) * this.#width)
  }

  /** Moves every bucket to the shard that is its new place. */
  moveTo(place: (key: string) => Shard): void {
    for (const [key, slot] of this.#slots) place(key).#take(key, this, slot)
    this.#count(-this.#slots.size)
  }

  #take(key: string, from: Shard, slot: number): void {
    const own = this.open(key)
    this.#sizes[own] = from.#sizes[slot] ?? 0
    const more = from.#more?.get(slot)
    if (more !== undefined) this.#more?.set(own, more)
    if (this.#own !== undefined) this.#own[own] = from.#own?.[slot] ?? []
    else this.#cells.set(from.#cells.subarray(slot * this.#width, (slot + 1) * this.#width), own * this.#width)
  }

  #sizeOf(policy: Policy): number {
    this.#lastPolicy = policy
    this.#lastSize = Math.round(Math.log2(policy.calendar === undefined ? policy.capacity : policy.quota) * STEPS)
    return this.#lastSize
  }

  #usedIn(slot: number, now: number): number {
    return this.#algorithm.used(this.#cellsOf(slot), slot * this.#width, this.#policy, now)
  }

  #count(buckets: number): void {
    this.#table.size += buckets
    this.#store.size += buckets
  }

  /** The hand goes round all slots, empty ones too. */
  #next(): number {
    this.#hand = this.#hand + 1 < this.#keys.length ? this.#hand + 1 : 1
    return this.#hand
  }

  /** Nothing is left: the memory goes back too. */
  #empty(): void {
    this.#slots = new Map()
    this.#keys = [undefined]
    this.#cells = new Float64Array(this.#width * 8)
    this.#sizes = new Uint8Array(8)
    this.#own = this.#own === undefined ? undefined : [[]]
    this.#more?.clear()
    this.#free = []
    this.#hand = 0
  }

  /** Hands over all cells of a bucket that grows, and keeps them as they are then. Slot 0 stays fresh. */
  #whole<T>(slot: number, use: (cells: number[]) => T): T {
    const from = slot * this.#width
    const head = Array.from(this.#cells.subarray(from, from + this.#width))
    const cells = head.every((cell) => cell === 0) ? [] : [...head, ...(this.#more?.get(slot) ?? [])]
    const result = use(cells)
    if (slot === 0 || cells.length === 0) return result
    for (let i = 0; i < this.#width; i++) this.#cells[from + i] = cells[i] ?? 0
    if (cells.length > this.#width) this.#more?.set(slot, cells.slice(this.#width))
    else this.#more?.delete(slot)
    return result
  }

  #cellsOf(slot: number): Cells {
    return this.#own?.[slot] ?? this.#cells
  }

  #grow(): void {
    const slots = this.#sizes.length * 2
    const cells = new Float64Array(slots * this.#width)
    cells.set(this.#cells)
    this.#cells = cells
    const sizes = new Uint8Array(slots)
    sizes.set(this.#sizes)
    this.#sizes = sizes
  }
}
