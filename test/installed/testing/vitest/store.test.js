import { memoryStore } from '@sluice/core'
import { storeSpec } from '@sluice/core/testing'
import { describe, test } from 'vitest'

describe('the store', () => {
  for (const { title, run } of storeSpec((clock) => memoryStore({ clock }))) test(title, run)
})
