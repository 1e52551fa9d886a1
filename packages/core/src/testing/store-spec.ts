import { failoverOf } from '../failover/failover.js'
import type { Store } from '../stores/store.js'
import { START } from './behaviour.js'
import { StoreBench } from './bench.js'
import { debtBehaviours } from './debt-behaviours.js'
import { policyBehaviours } from './policy-behaviours.js'
import { quotaBehaviours } from './quota-behaviours.js'
import { slotBehaviours } from './slot-behaviours.js'
import { storeBehaviours } from './store-behaviours.js'

/** Makes an empty store that reads its time, in whole milliseconds, from `clock`. */
export type MakeStore = (clock: () => number) => Store | Promise<Store>

/** One behaviour: a sentence, and a function that rejects where the store behaves otherwise. */
export interface StoreCase {
  readonly title: string
  run(): Promise<void>
}

/**
 * The behaviour that every store must show, for any test runner.
 * @example
 * for (const { title, run } of storeSpec((clock) => myStore({ clock }))) it(title, run)
 */
export function storeSpec(makeStore: MakeStore): readonly StoreCase[] {
  const behaviours = [
    ...policyBehaviours(),
    ...storeBehaviours,
    ...debtBehaviours(),
    ...quotaBehaviours,
    ...slotBehaviours,
  ]
  return behaviours.map(([title, show]) => ({
    title,
    async run() {
      const time = { now: START }
      const store = await makeStore(() => time.now)
      try {
        await show(new StoreBench(store, time))
      } finally {
        // With all that limiters have begun over it.
        await failoverOf(store).close()
      }
    },
  }))
}
