import { Decision, Standing } from '../decision.js'
import { type MemoryStore, memoryStore } from '../memory-store.js'
import type { Ask, Return } from '../store.js'
import type { Failure } from './failure.js'

/** When a client may come back that was denied because nobody could decide. */
const DENIED_FOR_MS = 1_000

/** Who decides when the store does not, as each limit's `onStoreError` says. */
export class Fallback {
  /** Kept from one outage to the next: what it holds expires by itself. */
  #local: MemoryStore | undefined

  decide(
    verb: 'consume' | 'peek',
    asks: readonly Ask[],
    key: string,
    cost: number,
    { onStoreError, share }: Failure,
  ): Decision {
    if (onStoreError === 'allow') return new Decision(key, cost, [], true)
    if (onStoreError === 'deny') return new Decision(key, cost, asks.map(denied), true)
    this.#local ??= memoryStore()
    return new Decision(key, cost, share[verb](this.#local, asks), true)
  }

  refund(returns: readonly Return[], { share }: Failure): void {
    this.#local?.refund(returns.map((back) => ({ ...back, policy: share.policy(back.policy) })))
  }

  close(): void {
    this.#local?.close()
  }
}

/** Nobody can say how much is left, nor when there will be more. */
function denied({ policy }: Ask): Standing {
  return new Standing(policy, false, 0, null, DENIED_FOR_MS, DENIED_FOR_MS, 0, 0)
}
