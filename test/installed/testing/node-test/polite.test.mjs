import { test } from 'node:test'
import { expectPolite } from '@sluice/testing'

test('plain fetch never retries, but does not wait either', async () => {
  await expectPolite((url, { signal }) => fetch(url, { signal }), undefined, {
    skip: ['exhausted-quota', 'shared-wait'],
  })
})
