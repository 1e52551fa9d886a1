import { concurrency } from '@sluice/core'
import { quota } from '@sluice/quota'
import { describe, expect, it } from 'vitest'
import { chatAnswer, FRAMEWORKS, keeper, openaiUsage, sendChat, sendJson, upstream } from './servers.ts'

const kept = keeper()

const CHAT = '/v1/chat/completions'
const ask = {
  model: 'm',
  messages: [{ role: 'user', content: 'Say hello to everybody in the room.' }],
  max_tokens: 500,
}

describe.each(Object.entries(FRAMEWORKS))('llm() on %s', (_name, gateway) => {
  it('reserves what a call may use, and settles it by what the answer says', async () => {
    const provider = kept(await upstream((_body, response) => sendJson(response, chatAnswer(openaiUsage(9, 3)))))
    const server = kept(
      await gateway(provider.url, {
        provider: 'openai',
        prices: { m: { input: 2, output: 8 } },
        limits: [
          '60/min',
          '10k tokens/min',
          quota('5M tokens/month'),
          quota('$50/month'),
          '600 inference s/hour',
          concurrency(4),
        ],
      }),
    )
    const response = await server.post(CHAT, ask)
    expect([response.status, await response.json()]).toEqual([200, chatAnswer(openaiUsage(9, 3))])
    const reserved = 10_000 - Number(response.headers.get('x-ratelimit-remaining-tokens'))
    expect(reserved).toBeGreaterThan(500)
    const { standings } = await server.peek('a')
    const used = Object.fromEntries(standings.map(({ policy, used }) => [policy.name, used]))
    const { inferenceMs } = server.charges[0] ?? {}
    expect(used).toEqual({
      'llm-1min': 1,
      'llm-1min-tokens': 12,
      'llm-month-tokens': 12,
      'llm-month-micro-dollars': 9 * 2 + 3 * 8,
      'llm-1h': inferenceMs,
      'llm-concurrent': 0,
    })
    expect(server.charges).toMatchObject([
      { inputTokens: 9, outputTokens: 3, microDollars: 42, from: 'usage', outcome: 'sent' },
    ])
  })

  it('passes a stream on as it comes, without the usage that only the limit asked for', async () => {
    const words = ['Hello', ' there', ', “friends” 👋']
    const provider = kept(await upstream((body, response) => sendChat(response, body, words, openaiUsage(9, 7))))
    const server = kept(await gateway(provider.url, { provider: 'openai', limits: '10k tokens/min' }))
    const response = await server.post(CHAT, { ...ask, stream: true })
    const text = await response.text()
    expect(provider.bodies[0]?.['stream_options']).toEqual({ include_usage: true })
    const events = text.split('\n\n').filter((event) => event !== '')
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)))
    expect(chunks.map(({ choices }) => choices.length)).toEqual([1, 1, 1, 1])
    expect(chunks.map(({ choices }) => choices[0].delta.content ?? '').join('')).toBe(words.join(''))
    expect(events.at(-1)).toBe('data: [DONE]')
    expect(server.charges).toMatchObject([{ inputTokens: 9, outputTokens: 7, from: 'usage' }])
  })

  it('leaves the usage to a client that asks for it', async () => {
    const provider = kept(await upstream((body, response) => sendChat(response, body, ['Hi'], openaiUsage(9, 1))))
    const server = kept(await gateway(provider.url, { provider: 'openai', limits: '10k tokens/min' }))
    const options = { include_usage: true, include_obfuscation: false }
    const text = await (await server.post(CHAT, { ...ask, stream: true, stream_options: options })).text()
    expect(text).toContain('"usage":{"prompt_tokens":9')
    expect(provider.bodies[0]?.['stream_options']).toEqual(options)
  })

  it('denies in the words of the provider', async () => {
    const provider = kept(await upstream((_body, response) => sendJson(response, chatAnswer(openaiUsage(400, 590)))))
    const server = kept(await gateway(provider.url, { provider: 'openai', limits: '1000 tokens/min' }))
    await (await server.post(CHAT, ask)).text()
    const denied = await server.post(CHAT, ask)
    expect(denied.status).toBe(429)
    expect(denied.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await denied.json()).toMatchObject({
      error: {
        type: 'rate_limit_error',
        code: 'rate_limit_exceeded',
        message: expect.stringMatching(/^The limit "llm" \(1,000 tokens in 1 minute\)/),
      },
    })
    const seconds = Number(denied.headers.get('retry-after'))
    const ms = Number(denied.headers.get('retry-after-ms'))
    expect(seconds).toBe(Math.ceil(ms / 1000))
    expect(denied.headers.get('ratelimit')).toMatch(/^"llm";r=\d+;t=\d+$/)
    expect(provider.bodies).toHaveLength(1)
  })

  it('refuses what no limit will ever let through, and takes nothing', async () => {
    const provider = kept(await upstream((_body, response) => sendJson(response, chatAnswer(undefined))))
    const server = kept(
      await gateway(provider.url, { provider: 'openai', context: { m: 100 }, limits: ['10/min', '1000 tokens/min'] }),
    )
    const large = { ...ask, model: 'large', messages: [{ role: 'user', content: 'word '.repeat(5_000) }] }
    const beyondLimit = await server.post(CHAT, large)
    const beyondContext = await server.post(CHAT, { ...large, model: 'm' })
    for (const response of [beyondLimit, beyondContext]) {
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({
        error: { code: 'context_length_exceeded', type: 'invalid_request_error' },
      })
      expect(response.headers.get('x-should-retry')).toBe('false')
      expect(response.headers.get('retry-after')).toBeNull()
    }
    expect((await server.peek('a')).standings.map(({ used }) => used)).toEqual([0, 0])
    expect(provider.bodies).toHaveLength(0)
  })

  it('aborts the call of a client that leaves, and charges what was streamed', async () => {
    const provider = kept(
      await upstream((body, response) =>
        sendChat(
          response,
          body,
          Array(1_000).fill(' word'),
          undefined,
          () => new Promise((resolve) => setTimeout(resolve, 5)),
        ),
      ),
    )
    const server = kept(await gateway(provider.url, { provider: 'openai', limits: ['10k tokens/min', concurrency(1)] }))
    const controller = new AbortController()
    const response = await server.post(CHAT, { ...ask, stream: true }, {}, controller.signal)
    const reader = response.body?.getReader()
    for (let parts = 0; parts < 3; parts++) await reader?.read()
    controller.abort()
    await expect.poll(() => [server.charges.length, provider.aborted()]).toEqual([1, 1])
    const [charge] = server.charges
    expect(charge).toMatchObject({ outcome: 'left', from: 'estimate' })
    expect(charge?.outputTokens).toBeGreaterThan(2)
    expect(charge?.outputTokens).toBeLessThan(100)
    const { standings } = await server.peek('a')
    expect(standings.map(({ used }) => used)).toEqual([(charge?.inputTokens ?? 0) + (charge?.outputTokens ?? 0), 0])
  })

  it('says what is missing where nothing has parsed the body', async () => {
    const provider = kept(await upstream((_body, response) => sendJson(response, chatAnswer(undefined))))
    const server = kept(await gateway(provider.url, { provider: 'openai', limits: '10k tokens/min' }))
    const empty = await fetch(`${server.url}${CHAT}`, { method: 'POST' })
    expect(empty.status).toBe(400)
    expect(await empty.json()).toMatchObject({ error: { code: 'invalid_body' } })
  })
})
