import type { Ask, GivenBack, Return } from '../decisions/ask.js'
import { Decision } from '../decisions/decision.js'
import type { Once } from '../decisions/edit.js'
import type { Renewal } from '../decisions/lease.js'
import { Standing } from '../decisions/standing.js'
import { type MemoryStore, memoryStore } from '../memory/memory-store.js'
import type { Policy } from '../policies/policy.js'
import type { Failure } from './failure.js'

/** When a client may come back that was denied because nobody could decide. */
const DENIED_FOR_MS = 1_000

/** Who decides when the store does not, as each limit's `onStoreError` says. */
export class Fallback {
  /** Kept from one outage to the next: what it holds expires by itself. */
  #local: MemoryStore | undefined

  decide(verb: 'consume' | 'peek', asks: readonly Ask[], { onStoreError, share }: Failure): Decision {
    if (onStoreError === 'allow') return new Decision(asks, [], verb, true)
    if (onStoreError === 'deny') return new Decision(asks, asks.map(denied), verb, true)
    this.#local ??= memoryStore()
    return new Decision(asks, share[verb](this.#local, asks), verb, true)
  }

  decideOnce(asks: readonly Ask[], once: Once, failure: Failure): Decision {
    if (failure.onStoreError !== 'local') return this.decide('consume', asks, failure)
    this.#local ??= memoryStore()
    const { standings, repeated } = failure.share.consumeOnce(this.#local, asks, once)
    return new Decision(asks, standings, 'consume', true, repeated)
  }

  refund(returns: readonly Return[], { share }: Failure, once: Once | undefined): GivenBack {
    return this.#local === undefined ? undefined : share.refund(this.#local, returns, once)
  }

  renew(renewals: readonly Renewal[], { share }: Failure): readonly boolean[] {
    return this.#local === undefined ? renewals.map(() => false) : share.renew(this.#local, renewals)
  }

  reset(policies: readonly Policy[], keys: readonly string[], scope: string | undefined): void {
    this.#local?.reset(policies, keys, scope)
  }

  clear(policies: readonly Policy[]): void {
    this.#local?.clear(policies)
  }

  close(): void {
    this.#local?.close()
  }
}

/** Nobody can say how much is left, nor when there will be more. */
function denied({ policy }: Ask): Standing {
  return new Standing(policy, false, 0, null, DENIED_FOR_MS, DENIED_FOR_MS, 0, 0)
}
