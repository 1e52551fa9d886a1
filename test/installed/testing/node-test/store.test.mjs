import { describe, test } from 'node:test'
import { memoryStore } from '@sluice/core'
import { storeSpec } from '@sluice/core/testing'

describe('the store', () => {
  for (const { title, run } of storeSpec((clock) => memoryStore({ clock }))) test(title, run)
})
