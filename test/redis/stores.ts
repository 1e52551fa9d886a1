import { randomUUID } from 'node:crypto'
import { memoryStore, type Store } from '@sluice/core'
import type { MakeStore } from '@sluice/core/testing'
import { redisStore } from '@sluice/redis'
import { inject } from 'vitest'

/** Buckets of its own, on a server that others use too. */
export const aPrefix = (): string => `test-${randomUUID()}`

/** The stores that behave alike, each on a clock that is handed in. */
export const stores: Readonly<Record<string, MakeStore>> = {
  memory: (clock) => memoryStore({ clock }),
  Redis: (clock): Store => redisStore(inject('redisUrl'), { clock, prefix: aPrefix() }),
}
