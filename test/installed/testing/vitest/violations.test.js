import { mockApi } from '@sluice/testing'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { createReports } from './reports.js'

const mock = await mockApi({ limits: '3/s' })
beforeEach(() => mock.reset())
afterAll(() => mock.close())

test('the reports keep to the limits of the API', async () => {
  const reports = createReports(mock.url)
  expect(await reports.all(8)).toHaveLength(8)
  expect(mock.violations).toEqual([])
})
