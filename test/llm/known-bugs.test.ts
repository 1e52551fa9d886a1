import { concurrency, fixedWindow, memoryStore, type Store } from '@sluice/core'
import { quota } from '@sluice/quota'
import { redisStore } from '@sluice/redis'
import { describe, expect, inject, it } from 'vitest'
import { chatAnswer, FRAMEWORKS, keeper, openaiUsage, sendChat, sendJson, type Upstream, upstream } from './servers.ts'

const gateway = FRAMEWORKS.Express
const CHAT = '/v1/chat/completions'
const MINUTE = 60_000

const kept = keeper()

/** Some 25 tokens of input. */
const ask = {
  model: 'm',
  messages: [{ role: 'user', content: 'Describe the harbour of a small town in the north. '.repeat(2) }],
}

const STORES: Readonly<Record<string, () => Store>> = {
  memory: () => memoryStore(),
  Redis: () => redisStore(inject('redisUrl'), { prefix: `llm-${process.pid}-${Date.now()}-${Math.random()}` }),
}

/** Answers when it is told to. */
async function heldProvider(): Promise<{
  provider: Upstream
  answer(input: number, output: number): void
  waiting: () => number
}> {
  const waiting: (() => void)[] = []
  let usage = openaiUsage(0, 0)
  const provider = kept(
    await upstream(async (_body, response) => {
      await new Promise<void>((resolve) => waiting.push(resolve))
      sendJson(response, chatAnswer(usage))
    }),
  )
  const answer = (input: number, output: number): void => {
    usage = openaiUsage(input, output)
    for (const go of waiting.splice(0)) go()
  }
  return { provider, answer, waiting: () => waiting.length }
}

/** What other gateways shipped, each with the report that describes it. */
describe('what went wrong elsewhere does not here', () => {
  describe.each(Object.entries(STORES))('over %s', (_name, store) => {
    it('1. parallel requests do not use 663 of 100 tokens a minute (LiteLLM #18730)', async () => {
      const { provider, answer, waiting } = await heldProvider()
      const server = kept(
        await gateway(provider.url, { provider: 'openai', limits: '100 tokens/min' }, { store: store() }),
      )
      const answers = Array.from({ length: 5 }, () => server.post(CHAT, { ...ask, max_tokens: 20 }))
      await expect.poll(waiting).toBe(2)
      answer(25, 20)
      const statuses = await Promise.all(answers.map(async (one) => (await one).status))
      expect(statuses.sort()).toEqual([200, 200, 429, 429, 429])
      await expect.poll(async () => (await server.peek('a')).standings[0]?.used).toBe(90)
    })

    it('2. a request that is denied leaves no counter behind (review of LiteLLM PR 27001)', async () => {
      const { provider, answer, waiting } = await heldProvider()
      const limits = ['10/min', '100 tokens/min', quota('$1/month')]
      const prices = { m: { input: 1, output: 1 } }
      const server = kept(await gateway(provider.url, { provider: 'openai', limits, prices }, { store: store() }))
      const first = server.post(CHAT, { ...ask, max_tokens: 60 })
      await expect.poll(waiting).toBe(1)
      const before = (await server.peek('a')).standings.map(({ used }) => used)
      for (let turn = 0; turn < 5; turn++)
        expect((await server.post(CHAT, { ...ask, max_tokens: 60 })).status).toBe(429)
      expect((await server.peek('a')).standings.map(({ used }) => used)).toEqual(before)
      answer(25, 60)
      expect((await first).status).toBe(200)
      await expect.poll(async () => (await server.peek('a')).standings.map(({ used }) => used)).toEqual([1, 85, 85])
    })

    it('6. a request that tokens or slots deny spends none of the requests a minute (LiteLLM #39309)', async () => {
      const { provider, answer, waiting } = await heldProvider()
      const limits = ['10/min', '10k tokens/min', concurrency(1)]
      const server = kept(await gateway(provider.url, { provider: 'openai', limits }, { store: store() }))
      const first = server.post(CHAT, { ...ask, max_tokens: 20 })
      await expect.poll(waiting).toBe(1)
      const full = await server.post(CHAT, { ...ask, max_tokens: 20 })
      expect(full.status).toBe(429)
      answer(25, 20)
      await first
      await expect.poll(async () => (await server.peek('a')).standings.map(({ used }) => used)).toEqual([1, 45, 0])
    })
  })

  it.each([
    [
      'the Responses API',
      '/v1/responses',
      { model: 'm', input: 'Describe the harbour. '.repeat(40), max_output_tokens: 50 },
    ],
    [
      'a turn of tools',
      CHAT,
      {
        model: 'm',
        messages: [{ role: 'tool', tool_call_id: '1', content: [{ type: 'text', text: 'fog '.repeat(150) }] }],
      },
    ],
    [
      'an API that is not known here',
      '/v1/anything',
      { model: 'm', query: { question: 'Where is the harbour? '.repeat(30) } },
    ],
  ])(
    '3. tokens of %s are enforced, though its body has no messages with text (LiteLLM PR 27001)',
    async (_what, path, body) => {
      const provider = kept(await upstream((_body, response) => sendJson(response, { id: '1' })))
      const server = kept(
        await gateway(provider.url, { provider: 'openai', limits: '260 tokens/min', reserveOutput: 50 }),
      )
      const statuses = []
      for (let turn = 0; turn < 3; turn++) statuses.push((await server.post(path, body)).status)
      expect(statuses).toEqual([200, 429, 429])
    },
  )

  it('4. a request without max_tokens is not denied by a small limit that nobody has used (LiteLLM PR 29191)', async () => {
    const provider = kept(await upstream((_body, response) => sendJson(response, chatAnswer(openaiUsage(25, 10)))))
    const server = kept(await gateway(provider.url, { provider: 'openai', limits: '200 tokens/min' }))
    const response = await server.post(CHAT, ask)
    expect(response.status).toBe(200)
    expect((await server.peek('a')).standings[0]?.used).toBe(35)
  })

  it('5. what is given back after the minute has turned does not erase the reservations of the next (llm-proxy #40)', async () => {
    let now = 10 * MINUTE
    const { provider, answer, waiting } = await heldProvider()
    const limits = fixedWindow('1000 tokens/min')
    const server = kept(
      await gateway(provider.url, { provider: 'openai', limits }, { store: memoryStore({ clock: () => now }) }),
    )
    const early = server.post(CHAT, { ...ask, max_tokens: 900 })
    await expect.poll(waiting).toBe(1)
    now += MINUTE
    const late = server.post(CHAT, { ...ask, max_tokens: 400 })
    await expect.poll(waiting).toBe(2)
    const reserved = (await server.peek('a')).standings[0]?.used ?? 0
    expect(reserved).toBeGreaterThan(400)
    expect(server.charges).toEqual([])
    answer(25, 10)
    await Promise.all([early, late])
    // Of the 925 that were reserved in the minute before, nothing comes back to this one; and never less than nothing is used.
    expect((await server.peek('a')).standings[0]?.used).toBe(35)
  })

  it('7. the slot of a client that drops its stream, and of a provider that dies, is free again (LiteLLM #27955, #20256, #28160)', async () => {
    const provider = kept(
      await upstream(async (body, response) => {
        if (body['max_tokens'] === 1) return void response.destroy()
        await sendChat(
          response,
          body,
          Array(500).fill(' word'),
          undefined,
          () => new Promise((resolve) => setTimeout(resolve, 5)),
        )
      }),
    )
    const limits = [concurrency(1), '1M tokens/min']
    const server = kept(await gateway(provider.url, { provider: 'openai', limits }))
    for (let turn = 0; turn < 5; turn++) {
      const controller = new AbortController()
      const response = await server.post(CHAT, { ...ask, stream: true }, {}, controller.signal)
      expect(response.status).toBe(200)
      controller.abort()
      await expect.poll(() => server.charges.length).toBe(2 * turn + 1)
      await expect(server.post(CHAT, { ...ask, max_tokens: 1 })).rejects.toThrow('fetch failed')
      await expect.poll(() => server.charges.length).toBe(2 * turn + 2)
      expect((await server.peek('a')).standings[0]?.used).toBe(0)
    }
  })

  it('7. a slot has an expiry of its own, which the slots of others do not put off', async () => {
    let now = 1_000_000
    const store = memoryStore({ clock: () => now })
    const { provider, answer, waiting } = await heldProvider()
    const limits = concurrency(2, { leaseMs: 10_000 })
    const server = kept(await gateway(provider.url, { provider: 'openai', limits }, { store }))
    const { asks } = await server.peek('a')
    // A process that has died took this one, and renews it no more.
    store.consume(asks.map((ask) => ({ ...ask, cost: 1, lease: 4711 })))
    for (let turn = 0; turn < 4; turn++) {
      const response = server.post(CHAT, ask)
      await expect.poll(waiting).toBe(1)
      answer(1, 1)
      expect((await response).status).toBe(200)
      now += 2_600
    }
    expect((await server.peek('a')).standings[0]?.used).toBe(0)
  })

  it('8. what was used in a minute is not carried into the next (LiteLLM #24677)', async () => {
    let now = 10 * MINUTE
    const provider = kept(await upstream((_body, response) => sendJson(response, chatAnswer(openaiUsage(400, 600)))))
    const limits = fixedWindow('1000 tokens/min')
    const server = kept(
      await gateway(provider.url, { provider: 'openai', limits }, { store: memoryStore({ clock: () => now }) }),
    )
    await server.post(CHAT, ask)
    expect((await server.peek('a')).standings[0]?.remaining).toBe(0)
    now += MINUTE
    expect((await server.peek('a')).standings[0]?.remaining).toBe(1_000)
  })

  it('9. the fields of a denial are those of the limit that denied (llm-proxy #40)', async () => {
    const provider = kept(await upstream((_body, response) => sendJson(response, chatAnswer(openaiUsage(100, 850)))))
    const limits = ['100/min', '100k tokens/hour', '1000 tokens/min']
    const server = kept(await gateway(provider.url, { provider: 'openai', limits }))
    await server.post(CHAT, ask)
    const denied = await server.post(CHAT, { ...ask, max_tokens: 500 })
    expect(denied.status).toBe(429)
    expect(denied.headers.get('x-ratelimit-limit-tokens')).toBe('1000')
    expect(denied.headers.get('x-ratelimit-remaining-tokens')).toBe('50')
    expect(denied.headers.get('x-ratelimit-remaining-requests')).toBe('99')
    const standing = (await server.peek('a')).standings.find(({ policy }) => policy.quota === 1_000)
    expect(Number(denied.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(Number(denied.headers.get('retry-after'))).toBeLessThanOrEqual(
      Math.ceil((standing?.resetAfterMs ?? 0) / 1_000),
    )
  })

  it('10. units that requests in progress hold are not called a quota that is used up (codegraff #269)', async () => {
    const { provider, answer, waiting } = await heldProvider()
    const server = kept(await gateway(provider.url, { provider: 'openai', limits: quota('1k tokens/month') }))
    const first = server.post(CHAT, { ...ask, max_tokens: 800 })
    await expect.poll(waiting).toBe(1)
    const held = await server.post(CHAT, { ...ask, max_tokens: 500 })
    expect(held.status).toBe(429)
    const { error } = (await held.json()) as { error: { code: string; message: string } }
    expect(error.code).toBe('rate_limit_exceeded')
    expect(error.message).toMatch(
      /reserved by requests in progress\. Try again in about \d+ seconds?: they may have ended/,
    )
    expect(Number(held.headers.get('retry-after'))).toBeLessThanOrEqual(30)
    expect(held.headers.get('x-should-retry')).toBeNull()
    answer(25, 900)
    await first
    const exhausted = await server.post(CHAT, { ...ask, max_tokens: 500 })
    expect(await exhausted.json()).toMatchObject({ error: { code: 'insufficient_quota', type: 'insufficient_quota' } })
    expect(exhausted.headers.get('x-should-retry')).toBe('false')
    expect(Number(exhausted.headers.get('retry-after'))).toBeGreaterThan(60)
  })
})
