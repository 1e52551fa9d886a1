import { createOpenAI } from '@ai-sdk/openai'
import Anthropic from '@anthropic-ai/sdk'
import { createClient, createFetch, type SluiceFetch } from '@sluice/client'
import { generateText } from 'ai'
import axios from 'axios'
import got from 'got'
import ky from 'ky'
import OpenAI from 'openai'
import createApi from 'openapi-fetch'
import { afterEach, describe, expect, it } from 'vitest'
import { inOrder, type Noted, noted } from './servers.ts'

const json = { 'content-type': 'application/json' }

/** What the services answer when all is well. */
const OPENAI = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
})
const ANTHROPIC = JSON.stringify({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'text', text: 'hello' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 1, output_tokens: 1 },
})
const PLAIN = JSON.stringify({ text: 'hello' })

interface Sdk {
  readonly answer: string
  /** Asks through a fetch of ours, as README shows it. */
  ask(fetch: SluiceFetch, url: string): Promise<unknown>
}

const messages = [{ role: 'user' as const, content: 'hi' }]

/** With the attempts that each makes by default, where ours end them. */
const sdks: Readonly<Record<string, Sdk>> = {
  openai: {
    answer: OPENAI,
    async ask(fetch, url) {
      const client = new OpenAI({ apiKey: 'k', baseURL: url, fetch })
      const { choices } = await client.chat.completions.create({ model: 'm', messages })
      return choices[0]?.message.content
    },
  },
  '@anthropic-ai/sdk': {
    answer: ANTHROPIC,
    async ask(fetch, url) {
      const client = new Anthropic({ apiKey: 'k', baseURL: url, fetch })
      const { content } = await client.messages.create({ model: 'm', max_tokens: 9, messages })
      return content[0]?.type === 'text' ? content[0].text : undefined
    },
  },
  ai: {
    answer: OPENAI,
    async ask(fetch, url) {
      const openai = createOpenAI({ apiKey: 'k', baseURL: url, fetch })
      const { text } = await generateText({ model: openai.chat('m'), prompt: 'hi', maxRetries: 0 })
      return text
    },
  },
  ky: {
    answer: PLAIN,
    async ask(fetch, url) {
      const client = ky.create({ fetch, retry: 0, timeout: false })
      return (await client.get(url).json<{ text: string }>()).text
    },
  },
  'openapi-fetch': {
    answer: PLAIN,
    async ask(fetch, url) {
      const client = createApi<{
        '/': { get: { responses: { 200: { content: { 'application/json': { text: string } } } } } }
      }>({
        baseUrl: url,
        fetch,
      })
      const { data, response } = await client.GET('/')
      if (!response.ok) throw Object.assign(new Error(String(response.status)), { status: response.status })
      return data?.text
    },
  },
  axios: {
    answer: PLAIN,
    async ask(fetch, url) {
      const client = axios.create({ adapter: 'fetch', env: { fetch } })
      return (await client.get(url)).data.text
    },
  },
  got: {
    answer: PLAIN,
    async ask(api, url) {
      const { text } = await api.execute(
        ({ signal }) => got(url, { signal, retry: { limit: 0 } }).json<{ text: string }>(),
        { key: url },
      )
      return text
    },
  },
}

let server: Noted
afterEach(() => server.stop())

describe.each(Object.entries(sdks))('%s', (_, { answer, ask }) => {
  it('is answered after the wait that the server asks for', async () => {
    const denial = [
      429,
      { ...json, 'retry-after-ms': '300', 'retry-after': '1' },
      '{"error":{"message":"slow down"}}',
    ] as const
    server = await noted(inOrder(denial, denial, [200, json, answer]))
    expect(await ask(createFetch(), server.url)).toBe('hello')
    expect(server.requests).toHaveLength(3)
    for (const gap of server.gaps()) {
      expect(gap).toBeGreaterThanOrEqual(298)
      expect(gap).toBeLessThan(330 + 400)
    }
  })

  it('sends three requests, and not nine, where all are denied', async () => {
    server = await noted(inOrder([429, { ...json, 'retry-after-ms': '50' }, '{"error":{"message":"slow down"}}']))
    await expect(ask(createFetch(), server.url)).rejects.toThrow()
    expect(server.requests).toHaveLength(3)
  })

  it('is told at once that a quota is used up, and sends one request', async () => {
    const body = '{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}'
    server = await noted(inOrder([429, { ...json, 'retry-after': '1' }, body]))
    const began = performance.now()
    await expect(ask(createFetch({ giveUp: 'return' }), server.url)).rejects.toThrow()
    expect(server.requests).toHaveLength(1)
    expect(performance.now() - began).toBeLessThan(1_000)
  })

  it('is told at once that the wait is long, and sends nothing before', async () => {
    server = await noted(inOrder([429, { ...json, 'retry-after': '600' }, '{"error":{"message":"tomorrow"}}']))
    const api = createFetch({ giveUp: 'return' })
    const began = performance.now()
    await expect(ask(api, server.url)).rejects.toThrow()
    await expect(ask(api, server.url)).rejects.toThrow()
    expect(server.requests).toHaveLength(1)
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})

describe.each(['openai', '@anthropic-ai/sdk'])('a server that is down, behind %s', (name) => {
  it('is asked three times, and not nine', async () => {
    server = await noted(inOrder([200]))
    server.stop()
    const retries: unknown[] = []
    let sent = 0
    const api = createFetch({
      giveUp: 'return',
      retry: { baseMs: 10 },
      fetch: (input, init) => {
        sent += 1
        return fetch(input, init)
      },
    })
    api.on('retry', (event) => retries.push(event))
    await expect(sdks[name]?.ask(api, server.url)).rejects.toMatchObject({ status: 502 })
    expect([sent, retries.length]).toEqual([3, 2])
  })
})

describe('a stream of openai’s', () => {
  it('arrives part by part, and holds its place until it has ended', async () => {
    server = await noted((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      const part = (content: string) =>
        res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`)
      part('hel')
      setTimeout(() => {
        part('lo')
        res.end('data: [DONE]\n\n')
      }, 100)
    })
    const fetch = createFetch({ concurrency: 1, deadlineMs: 10_000 })
    const client = new OpenAI({ apiKey: 'k', baseURL: server.url, fetch })
    const stream = await client.chat.completions.create({ model: 'm', messages, stream: true })
    let text = ''
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? ''
      if (text === 'hel') expect(fetch.state()).toMatchObject([{ inside: 1 }])
    }
    expect(text).toBe('hello')
    expect(fetch.state()).toMatchObject([{ inside: 0 }])
  })
})

describe('an error of got’s', () => {
  it('that says when to come back closes the gate of its key', async () => {
    server = await noted(inOrder([429, { 'retry-after': '600' }]))
    const client = createClient()
    const ask = () => client.execute(({ signal }) => got(server.url, { signal, retry: { limit: 0 } }), { key: 'api' })
    await expect(ask()).rejects.toMatchObject({ response: { statusCode: 429 } })
    await expect(ask()).rejects.toMatchObject({ code: 'SLUICE_RETRY_AFTER' })
    expect(server.requests).toHaveLength(1)
  })
})
