import { createFetch } from '@sluice/client'
import { expectPolite, mockApi } from '@sluice/testing'
import { test } from 'vitest'

const api = createFetch()

test('our client is polite to GitHub', { timeout: 20_000 }, async () => {
  const mock = await mockApi({ preset: 'github' })
  await expectPolite((url, { signal }) => api(`${url}/users/octocat`, { signal }), mock)
  await mock.close()
})
