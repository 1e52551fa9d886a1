import { describe, expect, it, vi } from 'vitest'
import { createFetch } from '../index.ts'
import { flush, networkError, pending, settled, sleep, standingTime } from '../testing.test-helper.ts'

const URL = 'https://api.example.com/things'

standingTime()

describe('hedging', () => {
  it('takes the first answer, and ends the other', async () => {
    const { fetch, open } = pending()
    const aborted: unknown[] = []
    const api = createFetch({
      fetch: (input, init) => {
        init?.signal?.addEventListener('abort', () => aborted.push(init.signal?.reason))
        return fetch(input, init)
      },
      hedgeAfterMs: 100,
    })
    const gaveUp: unknown[] = []
    api.on('giveUp', (event) => gaveUp.push(event))
    const call = api(URL)
    await vi.advanceTimersByTimeAsync(99)
    expect(open).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(open).toHaveLength(2)
    open[1]?.()
    expect((await settled(call)).value?.status).toBe(200)
    await flush()
    expect(aborted).toHaveLength(1)
    expect(gaveUp).toEqual([])
    expect(api.state()).toMatchObject([{ calls: 0 }])
  })

  it('sends nothing twice that may not be', async () => {
    const { fetch, open } = pending()
    const api = createFetch({ fetch, hedgeAfterMs: 100 })
    const call = api(URL, { method: 'POST' })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(open).toHaveLength(1)
    open[0]?.()
    await call
  })

  it('fails as the first call failed', async () => {
    const [first, second] = [networkError('ECONNRESET'), networkError('EPIPE')]
    const errors = [first, second]
    const api = createFetch({
      fetch: async () => {
        const error = errors.shift()
        await sleep(500)
        throw error
      },
      hedgeAfterMs: 100,
      retry: { attempts: 1 },
    })
    const { error } = await settled(api(URL))
    expect(error).toBe(first)
  })
})
