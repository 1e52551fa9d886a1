import { storeSpec } from '@sluice/core/testing'
import { describe, it } from 'vitest'
import { stores } from './stores.ts'

describe.each(Object.entries(stores))('the %s store', (_name, makeStore) => {
  for (const { title, run } of storeSpec(makeStore)) it(title, run)
})
