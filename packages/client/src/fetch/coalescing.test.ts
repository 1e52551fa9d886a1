import { describe, expect, it } from 'vitest'
import { createFetch } from '../index.ts'
import { answering, flush, pending, settled, standingTime } from '../testing.test-helper.ts'

const URL = 'https://api.example.com/things'

standingTime()

describe('coalescing', () => {
  it('sends identical requests once, and gives each its own body', async () => {
    const { fetch, sent } = answering(200)
    const api = createFetch({ fetch, coalesce: true })
    const { value } = await settled(Promise.all([api(URL), api(URL), api(new Request(URL))]))
    expect(sent.length).toBeLessThanOrEqual(2)
    const texts = await Promise.all((value ?? []).map((response) => response.text()))
    expect(texts[0]).toBe('answer 1')
    expect(texts[1]).toBe('answer 1')
    await settled(api(URL))
    expect(sent.length).toBeGreaterThan(1)
  })

  it('never joins what differs: credentials, methods, options that it does not know', async () => {
    const { fetch, sent } = answering(200)
    const api = createFetch({ fetch, coalesce: true })
    await settled(
      Promise.all([
        api(URL, { headers: { authorization: 'a' } }),
        api(URL, { headers: { authorization: 'b' } }),
        api(URL, { headers: { cookie: 'c' } }),
        api(URL, { method: 'HEAD' }),
        api(URL, { method: 'POST' }),
        api(URL, { method: 'POST' }),
        api(URL, { credentials: 'include' }),
        api(URL, { dispatcher: 1 } as RequestInit),
        api(URL, { dispatcher: 2 } as RequestInit),
      ]),
    )
    expect(sent).toHaveLength(9)
  })

  it('ends the request when the last caller leaves, and not before', async () => {
    const { fetch } = pending()
    let isAborted = false
    const api = createFetch({
      coalesce: true,
      fetch: (input, init) => {
        init?.signal?.addEventListener('abort', () => {
          isAborted = true
        })
        return fetch(input, init)
      },
    })
    const controllers = [new AbortController(), new AbortController()]
    const calls = controllers.map(({ signal }) => api(URL, { signal }).catch((error) => error))
    await flush()
    controllers[0]?.abort('first')
    expect(await calls[0]).toBe('first')
    expect(isAborted).toBe(false)
    controllers[1]?.abort('second')
    expect(await calls[1]).toBe('second')
    await flush()
    expect(isAborted).toBe(true)
  })
})
