import { describe, expect, it } from 'vitest'
import { createClient, createFetch } from '../index.ts'
import { flush, pending, settled, sleep, standingTime } from '../testing.test-helper.ts'

const URL = 'https://api.example.com/things'

standingTime()

describe('concurrency', () => {
  it('makes no more calls at once, until their bodies have been read', async () => {
    const { fetch, open } = pending()
    const api = createFetch({ fetch, concurrency: 2 })
    const calls = Array.from({ length: 5 }, () => api(URL))
    await flush()
    expect(open).toHaveLength(2)
    open[0]?.()
    const first = await calls[0]
    await flush()
    // Its body has not been read.
    expect(open).toHaveLength(2)
    expect(await first?.text()).toBe('x')
    await flush()
    expect(open).toHaveLength(3)
    open[1]?.()
    await (await calls[1])?.body?.cancel()
    await flush()
    expect(open).toHaveLength(4)
    expect(api.state()).toMatchObject([{ inside: 2, queued: 1 }])
    for (const answer of open) answer()
    await flush()
    await (await calls[2])?.arrayBuffer()
    await (await calls[3])?.json().catch(() => undefined)
    await flush()
    open[4]?.()
    for await (const _ of (await calls[4])?.body ?? []);
    expect(api.state()).toMatchObject([{ inside: 0, queued: 0, calls: 0 }])
  })

  it('lets the highest priority go first', async () => {
    const order: number[] = []
    const client = createClient({ concurrency: 1, pacing: false })
    const work = (priority: number) => client.execute(() => void order.push(priority), { priority })
    const calls = [client.execute(() => sleep(10)), ...[0, 5, 0, 9, 5].map(work)]
    await settled(Promise.all(calls))
    expect(order).toEqual([9, 5, 5, 0, 0])
  })

  it('refuses what the queue does not hold', async () => {
    const { fetch } = pending()
    const api = createFetch({ fetch, concurrency: { max: 1, queue: 2 } })
    const calls = Array.from({ length: 3 }, () => api(URL).catch(() => undefined))
    const { error } = await settled(api(URL))
    expect(error).toMatchObject({ code: 'SLUICE_QUEUE_FULL' })
    expect(calls).toHaveLength(3)
  })
})
