import { createFetch } from '@sluice/client'
import { type MockApi, type MockApiOptions, manualClock, mockApi } from '@sluice/testing'
import got from 'got'
import ky from 'ky'
import { afterEach, describe, expect, it } from 'vitest'

const mocks: MockApi[] = []

async function started(options: MockApiOptions): Promise<MockApi> {
  const mock = await mockApi(options)
  mocks.push(mock)
  return mock
}

afterEach(async () => {
  await Promise.all(mocks.splice(0).map((mock) => mock.close()))
})

const kinds = ({ violations }: MockApi): string[] => violations.map(({ kind }) => kind)

describe('the violations of a client', () => {
  it('that comes back before Retry-After are early', async () => {
    const clock = manualClock()
    const mock = await started({ limits: '1/10s', clock })
    for (const _ of Array(3)) {
      await (await fetch(mock.url)).text()
      clock.advance(200)
    }
    // The second request ignored what remained, and the third that the second was denied.
    expect(kinds(mock)).toEqual(['ignored-quota', 'early'])
  })

  it('that tries again and again are early, whatever its limit', async () => {
    const mock = await started({ faults: { status: 503, retryAfter: 1 } })
    await ky(mock.url, { retry: { limit: 2, delay: () => 200, afterStatusCodes: [] } }).catch(() => undefined)
    expect(kinds(mock)).toEqual(['early', 'early'])
  })

  it('that retries at once have no backoff', async () => {
    const mock = await started({ faults: { status: 503 } })
    for (const _ of Array(5)) await (await fetch(mock.url)).text()
    expect(kinds(mock)).toEqual(['no-backoff'])
    expect(mock.violations[0]?.message).toMatch(/^GET \/ was retried 4 times at the same pace: after [\d, ]+ ms\.$/)
  })

  it('that all retry after the same time have no jitter', async () => {
    const clock = manualClock()
    const mock = await started({ faults: { status: 503 }, clock })
    for (const path of ['/a', '/b', '/c', '/d']) {
      await (await fetch(mock.url + path)).text()
      clock.advance(500)
      await (await fetch(mock.url + path)).text()
    }
    expect(kinds(mock)).toEqual(['no-jitter'])
    expect(mock.violations[0]?.message).toBe(
      '4 requests were retried after the same time, 500 to 500 ms: the retries have no jitter.',
    )
  })

  it('that returns with all its calls at once are a herd', async () => {
    const mock = await started({ limits: '3/s' })
    await Promise.all(Array.from({ length: 12 }, (_, i) => got(`${mock.url}/${i}`).catch(() => undefined)))
    expect(new Set(kinds(mock))).toEqual(new Set(['herd']))
  })

  it('are forgotten in reset()', async () => {
    const clock = manualClock()
    const mock = await started({ limits: '1/10s', clock })
    await fetch(mock.url)
    clock.advance(200)
    await fetch(mock.url)
    expect(kinds(mock)).toEqual(['ignored-quota'])
    mock.reset()
    expect(kinds(mock)).toEqual([])
  })

  it('are none where an API says nothing of what remains', async () => {
    const clock = manualClock()
    const mock = await started({ limits: '1/10s', preset: 'stripe', clock })
    await (await fetch(mock.url)).text()
    clock.advance(200)
    await (await fetch(mock.url)).text()
    expect(mock.requests.map(({ status }) => status)).toEqual([200, 429])
    expect(kinds(mock)).toEqual([])
  })

  it('are none of a client that is polite', async () => {
    const api = createFetch()
    const mock = await started({ limits: '4/s', faults: { every: 9, status: 503 } })
    await Promise.all(Array.from({ length: 10 }, (_, i) => api(`${mock.url}/${i}`).then((response) => response.text())))
    expect(mock.requests.length).toBeGreaterThan(10)
    expect(mock.violations).toEqual([])
  })

  it('are told apart by key', async () => {
    const clock = manualClock()
    const mock = await started({ limits: '1/10s', clock })
    const ask = async (key: string): Promise<string> => {
      const response = await fetch(mock.url, { headers: { authorization: key } })
      return response.text()
    }
    await Promise.all(['a', 'b', 'c'].map(ask))
    clock.advance(200)
    await Promise.all(['d', 'e'].map(ask))
    expect(kinds(mock)).toEqual([])
    await ask('a')
    expect(mock.violations.map(({ requests }) => requests.map(({ key }) => key))).toEqual([['a', 'a']])
  })
})
