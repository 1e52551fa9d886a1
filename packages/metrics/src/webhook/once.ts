import { createLimiter, fixedWindow } from '@sluice/core'
import type { Observable } from '@sluice/core/observe'

/** For so long, what has the same id is the same. */
const SAME_MS = 10_000

/**
 * Whether this process is the one that says it: of all that share a store, the first that asks. While the store is down nobody can
 * tell, and each says it, under the same id.
 */
export function onceOver({ store }: Observable): (id: string) => Promise<boolean> {
  const limiter = createLimiter({
    name: 'sluice-webhooks',
    policies: fixedWindow('1000000/h'),
    keepIdsMs: SAME_MS,
    onStoreError: 'allow',
    store,
  })
  return async (id) => {
    const { repeated, allowed } = await limiter.consume('webhooks', { id })
    return allowed && !repeated
  }
}
