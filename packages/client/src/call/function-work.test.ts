import { describe, expect, it } from 'vitest'
import { createClient } from '../index.ts'
import { flush, settled, standingTime } from '../testing.test-helper.ts'

standingTime()

describe('execute', () => {
  it('calls any function, with all layers', async () => {
    const client = createClient({ retry: { baseMs: 10 } })
    const seen: number[] = []
    const { value } = await settled(
      client.execute(({ attempt, signal }) => {
        seen.push(attempt)
        expect(signal).toBeInstanceOf(AbortSignal)
        if (attempt < 3) throw new Error('down')
        return 'up'
      }),
    )
    expect([value, seen]).toEqual(['up', [1, 2, 3]])
  })

  it('reads errors that carry a response, as those of got, axios and SDKs', async () => {
    for (const response of [
      { response: { statusCode: 429, headers: { 'retry-after': '7' } } },
      { response: { status: 429, headers: { 'retry-after': '7' } } },
      { status: 429, headers: new Headers({ 'retry-after': '7' }) },
    ]) {
      const client = createClient()
      let calls = 0
      const { value, afterMs } = await settled(
        client.execute(() => {
          calls += 1
          if (calls === 1) throw Object.assign(new Error('Too many requests'), response)
          return calls
        }),
      )
      expect(value).toBe(2)
      expect(afterMs).toBeGreaterThanOrEqual(7_000)
    }
  })

  it('does not call again what may not run twice', async () => {
    const client = createClient()
    let calls = 0
    const fail = () => {
      calls += 1
      throw new Error('down')
    }
    await settled(client.execute(fail, { idempotent: false }))
    expect(calls).toBe(1)
  })

  it.each([undefined, null, 'text', 0, Symbol('x'), { status: 'x' }])('lets anything be thrown: %s', async (thrown) => {
    const client = createClient({ retry: { attempts: 2, baseMs: 1 } })
    const outcome = await client
      .execute(
        () => {
          throw thrown
        },
        { idempotent: false },
      )
      .then(
        () => 'none',
        (error) => [error],
      )
    expect(outcome).toEqual([thrown])
  })

  it('settles at once when it is aborted, also where the function does not listen', async () => {
    const client = createClient({ concurrency: 1 })
    const controller = new AbortController()
    const call = client.execute(() => new Promise(() => undefined), { signal: controller.signal })
    await flush()
    controller.abort('left')
    expect((await settled(call)).error).toBe('left')
    expect((await settled(client.execute(() => 1))).value).toBe(1)
  })
})

describe('mistakes and results of functions', () => {
  it.each([
    'db.connect is not a function',
    'x.fetchUser is not a function',
    "Cannot read properties of undefined (reading 'fetch')",
  ])('are not taken for network errors: %s', async (message) => {
    let calls = 0
    const fail = () => {
      calls += 1
      throw new TypeError(message)
    }
    await settled(createClient().execute(fail))
    expect(calls).toBe(1)
  })

  it('are no responses where they only have a status', async () => {
    let calls = 0
    const { value } = await settled(
      createClient().execute(() => {
        calls += 1
        return { id: 1, status: 503 }
      }),
    )
    expect([value, calls]).toEqual([{ id: 1, status: 503 }, 1])
  })
})
