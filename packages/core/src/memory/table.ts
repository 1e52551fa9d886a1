import type { Algorithm } from '../algorithms/algorithm.js'
import { algorithms } from '../algorithms/registry.js'
import type { Policy } from '../policies/policy.js'
import { Shard, type Tally } from './shard.js'

/**
 * A Map of a million keys takes a tenth of a second to grow, all at once; sixty-four of a sixty-fourth never stop the
 * process for long. A small table is one shard: most tables stay small.
 */
const SHARD_BITS = 6
const SMALL = 8_192

/** The buckets of all policies that share an address: those of one limit, algorithm and window, whatever their quota. */
export class Table implements Tally {
  /** Counted by the shards. */
  size = 0
  readonly address: string
  /** By the clock that its policies go by. */
  readonly now: () => number
  readonly #algorithm: Algorithm
  readonly #policy: Policy
  readonly #store: Tally
  #shards: readonly Shard[]
  #only: Shard | undefined
  #turn = 0

  constructor(policy: Policy, store: Tally, now: () => number) {
    this.now = now
    this.address = policy.address
    this.#algorithm = algorithms[policy.algorithm]
    this.#policy = policy
    this.#store = store
    this.#only = this.#newShard()
    this.#shards = [this.#only]
  }

  /** Where a key's bucket is, if it has one. */
  shardOf(key: string): Shard {
    return this.#only ?? this.#place(key)
  }

  /** Where a key's new bucket goes. */
  shardFor(key: string): Shard {
    if (this.#only !== undefined && this.#only.size >= SMALL) this.#split(this.#only)
    return this.shardOf(key)
  }

  /** Looks at `count` slots of the shard whose turn it is, drops the buckets that are fresh again, and returns how many. */
  sweep(count: number): number {
    try {
      return this.nextShard().sweep(count, this.now())
    } catch {
      // A calendar of somebody's own failed: each decision that asks it fails too, and says so.
      return 0
    }
  }

  /** A shard that holds something, if there is one: each in its turn. */
  nextShard(): Shard {
    let shard = this.#advance()
    for (let tries = 0; shard.size === 0 && tries < this.#shards.length; tries++) shard = this.#advance()
    return shard
  }

  #advance(): Shard {
    this.#turn = this.#turn + 1 < this.#shards.length ? this.#turn + 1 : 0
    return this.#shards[this.#turn] ?? this.#newShard()
  }

  #split(whole: Shard): void {
    const shards = Array.from({ length: 2 ** SHARD_BITS }, () => this.#newShard())
    this.#shards = shards
    this.#only = undefined
    whole.moveTo((key) => this.#place(key))
  }

  #place(key: string): Shard {
    return this.#shards[shardNumber(key)] ?? this.#newShard()
  }

  #newShard(): Shard {
    return new Shard(this.#algorithm, this.#policy, this, this.#store)
  }
}

/** From the characters near the key's end, where addresses and numbers differ: of IPv6, before its `::/64`. */
function shardNumber(key: string): number {
  const end = key.length
  let hash = end
  for (let at = end > SAMPLED ? end - SAMPLED : 0; at < end; at++) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return Math.imul(hash, 0x85ebca6b) >>> (32 - SHARD_BITS)
}

const SAMPLED = 10
