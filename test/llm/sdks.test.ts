import { createOpenAI } from '@ai-sdk/openai'
import Anthropic from '@anthropic-ai/sdk'
import { AsyncCaller } from '@langchain/core/utils/async_caller'
import { tokenBucket } from '@sluice/core'
import type { LlmOptions } from '@sluice/llm'
import { quota } from '@sluice/quota'
import { generateText } from 'ai'
import OpenAI from 'openai'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { chatAnswer, FRAMEWORKS, keeper, openaiUsage, sendChat, sendJson, upstream } from './servers.ts'

const kept = keeper()
afterEach(() => vi.useRealTimers())

const messages = [{ role: 'user' as const, content: 'Hello?' }]
const ANTHROPIC = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'text', text: 'Hello.' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 40, output_tokens: 60 },
}

/** How an SDK asks, with the attempts that it makes by default. */
interface Sdk {
  readonly provider: 'openai' | 'anthropic'
  ask(url: string, fetch: typeof globalThis.fetch): Promise<unknown>
}

const openai = (url: string, fetch: typeof globalThis.fetch, maxRetries?: number): OpenAI =>
  new OpenAI({ apiKey: 'a', baseURL: `${url}/v1`, fetch, ...(maxRetries === undefined ? {} : { maxRetries }) })

const SDKS: Readonly<Record<string, Sdk>> = {
  openai: {
    provider: 'openai',
    ask: async (url, fetch) => {
      const { choices } = await openai(url, fetch).chat.completions.create({ model: 'm', messages, max_tokens: 60 })
      return choices[0]?.message.content
    },
  },
  '@anthropic-ai/sdk': {
    provider: 'anthropic',
    ask: async (url, fetch) => {
      const client = new Anthropic({ apiKey: 'a', baseURL: url, fetch })
      const { content } = await client.messages.create({ model: 'm', max_tokens: 60, messages })
      return content[0]?.type === 'text' ? content[0].text : undefined
    },
  },
  ai: {
    provider: 'openai',
    ask: async (url, fetch) => {
      const provider = createOpenAI({ apiKey: 'a', baseURL: `${url}/v1`, fetch })
      return (await generateText({ model: provider.chat('m'), messages, maxOutputTokens: 60 })).text
    },
  },
  "LangChain's AsyncCaller": {
    provider: 'openai',
    ask: async (url, fetch) => {
      const client = openai(url, fetch, 0)
      const { choices } = await new AsyncCaller({}).call(() =>
        client.chat.completions.create({ model: 'm', messages, max_tokens: 60 }),
      )
      return choices[0]?.message.content
    },
  },
}

/** A gateway, and a fetch that counts what an SDK sends to it. */
async function scene(sdk: Sdk, options: Omit<LlmOptions<never>, 'provider'>) {
  const answer = sdk.provider === 'openai' ? chatAnswer(openaiUsage(40, 60), 'Hello.') : ANTHROPIC
  const provider = kept(await upstream((_body, response) => sendJson(response, answer)))
  const server = kept(await FRAMEWORKS.Express(provider.url, { ...options, provider: sdk.provider }))
  const sent: { readonly at: number; readonly response: Response }[] = []
  const counting: typeof fetch = async (...args) => {
    const at = Date.now()
    const response = await fetch(...args)
    sent.push({ at, response })
    return response
  }
  const ask = (): Promise<unknown> => sdk.ask(server.url, counting)
  return { ask, sent, server }
}

describe.each(Object.entries(SDKS))('%s', (name, sdk) => {
  it('waits as long as it is told, and is let through', async () => {
    const { ask, sent } = await scene(sdk, { limits: tokenBucket('100 tokens/s', { burst: 150 }) })
    expect(await ask()).toBe('Hello.')
    expect(await ask()).toBe('Hello.')
    const [, denied, again] = sent
    expect(sent.map(({ response }) => response.status)).toEqual([200, 429, 200])
    const waitMs = Number(denied?.response.headers.get('retry-after-ms'))
    expect(waitMs).toBeGreaterThan(0)
    expect((again?.at ?? 0) - (denied?.at ?? 0)).toBeGreaterThanOrEqual(waitMs)
  })

  it('gives up where a quota is used up, or says what its author has to turn off', async () => {
    const { ask, sent } = await scene(sdk, { limits: quota('100 tokens/month') })
    expect(await ask()).toBe('Hello.')
    sent.length = 0
    vi.useFakeTimers({ toFake: ['setTimeout'], shouldAdvanceTime: true, advanceTimeDelta: 400 })
    await expect(ask()).rejects.toThrow(/quota \\?"llm\\?" \(100 tokens per month\) is used up/)
    // The AI SDK heeds neither the header nor the code: with maxRetries: 0 it makes one request.
    expect(sent.map(({ response }) => response.status)).toEqual(name === 'ai' ? [429, 429, 429] : [429])
    expect(sent[0]?.response.headers.get('x-should-retry')).toBe('false')
  })

  it('is told at once that a request can never be answered', async () => {
    const { ask, sent } = await scene(sdk, { limits: '100/min', context: { m: 20 } })
    await expect(ask()).rejects.toThrow("This model's context holds 20 tokens")
    expect(sent.map(({ response }) => response.status)).toEqual([400])
  })
})

describe('streams of official SDKs', () => {
  it('openai sees its chunks, and usage only where it asks', async () => {
    const words = ['Hello', ' there', '.']
    const provider = kept(await upstream((body, response) => sendChat(response, body, words, openaiUsage(40, 3))))
    const server = kept(await FRAMEWORKS.Express(provider.url, { provider: 'openai', limits: '10k tokens/min' }))
    const client = openai(server.url, fetch)
    for (const asks of [false, true]) {
      const stream = await client.chat.completions.create({
        model: 'm',
        messages,
        stream: true,
        ...(asks ? { stream_options: { include_usage: true } } : {}),
      })
      let text = ''
      let usage: unknown
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? ''
        usage ??= chunk.usage ?? undefined
      }
      expect(text).toBe('Hello there.')
      expect(usage).toEqual(asks ? openaiUsage(40, 3) : undefined)
    }
    expect(server.charges.map(({ outputTokens, from }) => [outputTokens, from])).toEqual([
      [3, 'usage'],
      [3, 'usage'],
    ])
  })

  it('anthropic counts the cache, and the output of its last message_delta', async () => {
    const event = (type: string, data: object): string =>
      `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
    const provider = kept(
      await upstream((_body, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
        const usage = {
          input_tokens: 10,
          cache_creation_input_tokens: 200,
          cache_read_input_tokens: 3_000,
          output_tokens: 2,
        }
        response.write(event('message_start', { message: { ...ANTHROPIC, content: [], usage } }))
        response.write(event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }))
        for (const text of ['Hel', 'lo.']) {
          response.write(event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }))
        }
        response.write(event('content_block_stop', { index: 0 }))
        for (const output of [7, 15]) {
          response.write(
            event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: output } }),
          )
        }
        response.end(event('message_stop', {}))
      }),
    )
    const prices = { m: { input: 3, output: 15, cachedInput: 0.3, cacheWrite: 3.75 } }
    const server = kept(
      await FRAMEWORKS.Express(provider.url, { provider: 'anthropic', limits: ['100k tokens/min', '$1/day'], prices }),
    )
    const client = new Anthropic({ apiKey: 'a', baseURL: server.url })
    const message = await client.messages.stream({ model: 'm', max_tokens: 60, messages }).finalMessage()
    expect(message.content).toMatchObject([{ text: 'Hello.' }])
    expect(server.charges).toMatchObject([
      {
        inputTokens: 3_210,
        outputTokens: 15,
        cachedTokens: 3_000,
        cacheWriteTokens: 200,
        microDollars: 10 * 3 + 200 * 3.75 + 3_000 * 0.3 + 15 * 15,
        from: 'usage',
      },
    ])
  })

  it('a stream that is cut ends with an error that the SDK throws', async () => {
    const provider = kept(
      await upstream((body, response) =>
        sendChat(
          response,
          body,
          Array(400).fill(' word'),
          undefined,
          () => new Promise((resolve) => setImmediate(resolve)),
        ),
      ),
    )
    const server = kept(
      await FRAMEWORKS.Express(provider.url, { provider: 'openai', limits: '100 tokens/min', onOverBudget: 'cut' }),
    )
    const stream = await openai(server.url, fetch, 0).chat.completions.create({ model: 'm', messages, stream: true })
    let words = 0
    await expect(async () => {
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) words++
    }).rejects.toThrow('This answer was ended: it used more than its limit has left.')
    expect(words).toBeGreaterThan(50)
    expect(words).toBeLessThanOrEqual(110)
    await expect.poll(() => server.charges).toMatchObject([{ outcome: 'cut', from: 'estimate' }])
    await expect.poll(provider.aborted).toBe(1)
  })
})
