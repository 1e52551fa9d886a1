import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { urlOf } from './servers.ts'

const example = new URL('../../examples/llm-gateway/', import.meta.url)
const load = (path: string): Promise<Record<string, (...args: never[]) => unknown>> =>
  import(new URL(path, example).href)
const { createGateway } = (await load('src/gateway.js')) as never as { createGateway(options: object): App }
const { serve } = (await load('src/serve.js')) as never as { serve(gateway: App): Promise<Serving> }
const { startProvider } = (await load('src/fake/provider.js')) as never as {
  startProvider(options: object): Promise<Fake>
}

interface App {
  readonly observer: { total(name: string): number }
}
interface Serving {
  readonly url: string
  close(drainMs?: number): Promise<void>
}
interface Fake {
  readonly url: string
  readonly served: { readonly requests: number; readonly inputTokens: number; readonly outputTokens: number }
  close(): Promise<void>
}

const CONFIG = readFileSync(new URL('gateway.config.yaml', example), 'utf8')
const messages = [{ role: 'user' as const, content: 'Hello?' }]

let folder: string
let a: Fake
let b: Fake
let gateway: App
let server: Serving
let lines: Record<string, unknown>[]

async function start(change: (config: string) => string = (config) => config, store?: string): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'sluice-gateway-'))
  a = await startProvider({
    format: 'openai',
    models: ['a-large', 'a-small', 'a-embed'],
    latencyMs: 5,
    tokensPerSecond: 5_000,
  })
  b = await startProvider({ format: 'anthropic', models: ['b-large'], latencyMs: 5, tokensPerSecond: 5_000, seed: 2 })
  process.env['PROVIDER_A'] = a.url
  process.env['PROVIDER_B'] = b.url
  lines = []
  writeFileSync(join(folder, 'gateway.config.yaml'), change(CONFIG))
  const write = (line: string): void => void lines.push(JSON.parse(line))
  gateway = createGateway({ configPath: join(folder, 'gateway.config.yaml'), write, store })
  server = await serve(gateway)
}

beforeEach(() => start())
afterEach(async () => {
  await server.close(100)
  await Promise.all([a.close(), b.close()])
  rmSync(folder, { recursive: true })
})

/** Starts it anew with another configuration, or on another store. */
async function restart(change?: (config: string) => string, store?: string): Promise<void> {
  await server.close(100)
  await Promise.all([a.close(), b.close()])
  rmSync(folder, { recursive: true })
  await start(change, store)
}

const post = (
  path: string,
  body: object,
  key = 'sk-red-pro',
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify(body),
  })
const chat = (body: object = {}, key?: string): Promise<Response> =>
  post('/v1/chat/completions', { model: 'smart', messages, ...body }, key)
const fault = async (provider: Fake, kind: string, times = 1): Promise<void> => {
  await fetch(`${provider.url}/__fault`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind, times }),
  })
}
const charged = (): Record<string, unknown>[] => lines.filter(({ event }) => event === 'charged')
const json = async (response: Response): Promise<never> => (await response.json()) as never

describe('1. official SDKs work unchanged, in one format or the other', () => {
  it('openai: answers, streams with usage, embeddings, models', async () => {
    const client = new OpenAI({ apiKey: 'sk-red-pro', baseURL: `${server.url}/v1` })
    for (const model of ['a-large', 'b-large']) {
      const whole = await client.chat.completions.create({ model, messages })
      expect(whole.choices[0]?.message.content?.length).toBeGreaterThan(20)
      const stream = await client.chat.completions.create({
        model,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      })
      let text = ''
      let usage: unknown
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? ''
        usage ??= chunk.usage ?? undefined
      }
      expect(text).toBe(whole.choices[0]?.message.content)
      expect(usage).toEqual(whole.usage)
    }
    const { data, usage } = await client.embeddings.create({
      model: 'a-embed',
      input: ['one', 'another text'],
      encoding_format: 'float',
    })
    expect(data.map(({ embedding }) => embedding.length)).toEqual([8, 8])
    expect(usage.prompt_tokens).toBe(4)
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual([
      'smart',
      'fast',
      'a-large',
      'a-small',
      'a-embed',
      'b-large',
    ])
  })

  it('@anthropic-ai/sdk: answers and streams of either provider', async () => {
    const client = new Anthropic({ apiKey: 'sk-red-pro', baseURL: server.url })
    for (const model of ['a-large', 'b-large']) {
      const whole = await client.messages.create({ model, max_tokens: 200, messages })
      const streamed = await client.messages.stream({ model, max_tokens: 200, messages }).finalMessage()
      expect(streamed.content).toEqual(whole.content)
      expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens)
      expect(whole.content[0]).toMatchObject({ type: 'text', text: expect.stringMatching(/\w+ \w+/) })
    }
  })

  it('says what is wrong in the format of whoever asks', async () => {
    expect(await json(await post('/v1/messages', { model: 'smart', messages }, 'nobody'))).toMatchObject({
      type: 'error',
      error: { message: 'This API key is not known.' },
    })
    expect(await json(await chat({ model: 'unknown' }))).toMatchObject({ error: { code: 'model_not_found' } })
    expect(await json(await chat({ messages: 'none' }))).toMatchObject({ error: { type: 'invalid_request_error' } })
  })
})

describe('2. tiers from a file that is reloaded while the gateway runs', () => {
  const quota = async (key: string): Promise<number> => {
    const { resources } = (await json(
      await fetch(`${server.url}/usage`, { headers: { authorization: `Bearer ${key}` } }),
    )) as {
      resources: Record<string, { limit: number }>
    }
    return resources['key requests/min']?.limit ?? 0
  }

  it('counts by the tier of a key, and by a new one from the moment at which the file is saved', async () => {
    expect([await quota('sk-red-free'), await quota('sk-red-pro'), await quota('sk-blue')]).toEqual([20, 300, 2_000])
    await (await chat({}, 'sk-red-free')).text()
    writeFileSync(join(folder, 'gateway.config.yaml'), CONFIG.replace('- 20/min', '- 25/min'))
    await expect.poll(() => quota('sk-red-free'), { timeout: 5_000 }).toBe(25)
    const usage = await fetch(`${server.url}/usage`, { headers: { authorization: 'Bearer sk-red-free' } })
    expect(await json(usage)).toMatchObject({ resources: { 'key requests/min': { used: 1 } } })
  })

  it('keeps the old file in force where the new one cannot be right, and says why', async () => {
    writeFileSync(join(folder, 'gateway.config.yaml'), CONFIG.replace('20/min', '20/mintue'))
    await expect
      .poll(() => lines.find(({ event }) => event === 'config')?.['message'], { timeout: 5_000 })
      .toMatch(/old configuration stays: "20\/mintue" is not a limit/)
    expect(await quota('sk-red-free')).toBe(20)
  })
})

describe('3. limits of key, team, model and everybody in one decision', () => {
  it.each([
    ['key requests/min', (config: string) => config.replace('- 300/min', '- 2/min')],
    ['team requests/hour', (config: string) => config.replace('red: { limits: [', 'red: { limits: [2/hour, ')],
    ['model requests/hour', (config: string) => config.replace('limits: [2M tokens/min]', 'limits: [2/hour]')],
    ['global requests/hour', (config: string) => config.replace('limits: [3000/min', 'limits: [2/hour')],
  ])('%s denies, and nothing is taken from the others', async (policy, change) => {
    await restart(change)
    for (let turn = 0; turn < 2; turn++) expect((await chat({ model: 'a-large' })).status).toBe(200)
    const before = await json(await fetch(`${server.url}/usage`, { headers: { authorization: 'Bearer sk-red-pro' } }))
    const denied = await chat({ model: 'a-large' })
    expect(denied.status).toBe(429)
    expect(((await json(denied)) as { error: { message: string } }).error.message).toContain(`"${policy}"`)
    const after = await json(await fetch(`${server.url}/usage`, { headers: { authorization: 'Bearer sk-red-pro' } }))
    const used = ({ resources }: { resources: Record<string, { used: number }> }): number[] =>
      Object.values(resources).map(({ used }) => used)
    expect(used(after)).toEqual(used(before))
  })

  it('a month of money begins at midnight in its time zone', async () => {
    const usage = await json(await fetch(`${server.url}/usage`, { headers: { authorization: 'Bearer sk-red-pro' } }))
    const { period } =
      (usage as { resources: Record<string, { period: { start: string } }> }).resources['key $/month'] ?? {}
    const berlin = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Berlin',
      day: '2-digit',
      hour: '2-digit',
      hour12: false,
    })
    expect(berlin.format(new Date(period?.start ?? 0))).toMatch(/^01, (?:00|24)/)
  })
})

describe('4. routes', () => {
  const route = (response: Response): string | null => response.headers.get('x-gateway-route')

  it.each([
    ['500', 500],
    ['429', 429],
  ])('to the next model of an alias where one answers %s, before the first word', async (kind, status) => {
    await fault(a, kind, 2)
    const response = await chat({ stream: true })
    expect([response.status, route(response)]).toEqual([200, `b/b-large; after="a-large failed (${status})"`])
    expect((await response.text()).endsWith('data: [DONE]\n\n')).toBe(true)
    expect(charged()).toMatchObject([{ model: 'b-large', from: 'usage' }])
  })

  it('past a provider whose gate is closed, without asking it', async () => {
    await fault(a, '429', 2)
    await (await chat()).text()
    const { requests } = a.served
    const next = await chat()
    expect(route(next)).toBe('b/b-large; after="a-large skipped (gate)"')
    expect(a.served.requests).toBe(requests)
  })

  it('past a provider whose breaker is open', async () => {
    await fault(a, '500', 20)
    for (let turn = 0; turn < 6; turn++) await (await chat()).text()
    await expect.poll(async () => route(await chat())).toBe('b/b-large; after="a-large skipped (breaker)"')
    expect(lines.filter(({ event }) => event === 'breaker')).toMatchObject([{ provider: 'a', state: 'open' }])
  })

  it('to no other once there was a first word: the client is told that the stream broke', async () => {
    await fault(a, 'death')
    const response = await chat({ stream: true })
    expect(route(response)).toBe('a/a-large')
    const text = await response.text()
    expect(text).toContain('"error":{"message":"The provider ended its answer in the middle."')
    expect(text).not.toContain('[DONE]')
    expect(b.served.requests).toBe(0)
    expect(charged()).toMatchObject([{ from: 'estimate' }])
  })

  it('to the cheapest from 90 % of the budget on', async () => {
    await restart((config) => config.replace('$100/month, overage: 0.2', '$0.001/month, overage: 100'))
    const routes = []
    for (let turn = 0; turn < 4; turn++) routes.push(route(await chat({ max_tokens: 50 })))
    expect(routes[0]).toBe('a/a-large')
    expect(routes.at(-1)).toBe('a/a-small; cheaper')
    expect(charged().at(-1)).toMatchObject({ overage: [{ policy: 'key $/month', over: expect.any(Number) }] })
  })

  it('nowhere where all have failed', async () => {
    await fault(a, '500', 10)
    await fault(b, '500', 10)
    const response = await chat()
    expect([response.status, route(response)]).toEqual([500, expect.stringMatching(/^none; after="a-large failed/)])
    await expect.poll(charged).toMatchObject([{ tokens: 0, from: 'nothing' }])
  })
})

describe('6. cache', () => {
  const cached = { temperature: 0, max_tokens: 50 }

  it('a hit costs one request and no tokens, also as a stream, and in the other format', async () => {
    const first = await chat(cached)
    const again = await chat(cached)
    expect([first.headers.get('x-cache'), again.headers.get('x-cache')]).toEqual(['miss', 'hit'])
    const text = ({ choices }: { choices: { message: { content: string } }[] }): unknown => choices[0]?.message.content
    expect(text(await json(again))).toBe(text(await json(first)))
    const stream = await chat({ ...cached, stream: true })
    expect(stream.headers.get('x-cache')).toBe('hit')
    expect((await stream.text()).endsWith('data: [DONE]\n\n')).toBe(true)
    const messagesHit = await post('/v1/messages', { model: 'smart', messages, ...cached })
    expect(messagesHit.headers.get('x-cache')).toBe('hit')
    await messagesHit.text()
    expect(a.served.requests).toBe(1)
    expect(
      charged()
        .map(({ tokens, from }) => [tokens, from])
        .slice(1),
    ).toEqual([
      [0, 'cache'],
      [0, 'cache'],
      [0, 'cache'],
    ])
    const usage = await json(await fetch(`${server.url}/usage`, { headers: { authorization: 'Bearer sk-red-pro' } }))
    expect(usage).toMatchObject({
      resources: { 'key requests/min': { used: 4 }, 'key tokens/min': { used: charged()[0]?.['tokens'] } },
    })
  })

  it('joins those who ask the same at the same time: one call, and one charge', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => chat(cached)))
    expect(
      new Set(
        await Promise.all(
          answers.map(async (one) => ((await json(one)) as { choices: { message: unknown }[] }).choices[0]?.message),
        ),
      ).size,
    ).toBe(10)
    expect(a.served.requests).toBe(1)
    await expect.poll(() => charged().length).toBe(10)
    expect(charged().filter(({ tokens }) => tokens !== 0)).toHaveLength(1)
    const usage = await json(await fetch(`${server.url}/usage`, { headers: { authorization: 'Bearer sk-red-pro' } }))
    const sum = charged().reduce((all, { tokens }) => all + Number(tokens), 0)
    expect(usage).toMatchObject({ resources: { 'key tokens/min': { used: sum } } })
  })

  it('11. is of one tenant, and never of an answer that broke off (Portkey; APISIX)', async () => {
    await (await chat(cached, 'sk-red-pro')).text()
    expect((await chat(cached, 'sk-blue')).headers.get('x-cache')).toBe('miss')
    expect((await chat(cached, 'sk-red-free')).headers.get('x-cache')).toBe('hit')
    await fault(a, 'death')
    const other = { ...cached, stream: true, messages: [{ role: 'user', content: 'And then?' }] }
    await (await chat(other)).text()
    expect((await chat(other)).headers.get('x-cache')).toBe('miss')
  })

  it('is not asked for what has a temperature', async () => {
    for (let turn = 0; turn < 2; turn++) expect((await chat({ temperature: 0.7 })).headers.get('x-cache')).toBe('miss')
    for (let turn = 0; turn < 2; turn++) expect((await chat()).headers.get('x-cache')).toBe('miss')
  })
})

describe('7. prompts and embeddings', () => {
  it('runs versions of a prompt, and counts each apart', async () => {
    const run = (version: number, variables: object): Promise<Response> =>
      post(`/v1/prompts/summarize/${version}/run`, { model: 'fast', variables, max_tokens: 30 })
    expect((await run(1, { text: 'It rained.' })).status).toBe(200)
    expect((await run(2, { text: 'It rained.', words: 5 })).status).toBe(200)
    expect(await json(await run(2, { text: 'x' }))).toMatchObject({
      error: { message: 'variables: words: expected a text or a number.' },
    })
    for (const path of ['summarize/3', 'nothing/1', '..%2F..%2Fpackage/1']) {
      expect((await post(`/v1/prompts/${path}/run`, {})).status).toBe(404)
    }
    const usage = (): Promise<unknown> =>
      fetch(`${server.url}/usage/prompts`, { headers: { authorization: 'Bearer sk-red-pro' } }).then(json)
    const [one, two] = charged().map(({ tokens }) => tokens)
    expect(await usage()).toEqual({ tokens: { 'summarize/1': one, 'summarize/2': two } })
  })

  it('joins embeddings that are asked for at the same time into one request, and charges each for its own', async () => {
    const texts = ['one', 'two and a half', 'three', 'x'.repeat(400)]
    const answers = await Promise.all(texts.map((input) => post('/v1/embeddings', { model: 'a-embed', input })))
    const usages = await Promise.all(
      answers.map(async (one) => ((await json(one)) as { usage: { prompt_tokens: number } }).usage.prompt_tokens),
    )
    expect(a.served.requests).toBe(1)
    await expect.poll(() => a.served.inputTokens).toBe(usages.reduce((sum, one) => sum + one, 0))
    expect(usages[3]).toBeGreaterThan(90)
    expect(await json(await post('/v1/embeddings', { model: 'a-embed', input: [5] }))).toMatchObject({
      error: { message: 'input: expected a text, or up to 2048.' },
    })
  })
})

describe('8. what can be seen', () => {
  it('usage in a header or a trailer, a line for each call, and counters', async () => {
    const whole = await post('/v1/chat/completions', { model: 'a-large', messages, max_tokens: 30 }, 'sk-red-pro', {
      'x-request-id': 'mine-1',
    })
    expect(whole.headers.get('x-sluice-usage')).toMatch(/^reserved=36, input=9, output=\d+, micro-dollars=\d+$/)
    expect(whole.headers.get('x-request-id')).toBe('mine-1')
    await whole.text()
    expect(charged()).toMatchObject([
      { id: 'mine-1', team: 'red', asked: 'a-large', model: 'a-large', reserved: 36, from: 'usage', outcome: 'sent' },
    ])
    expect(JSON.stringify(lines)).not.toContain('sk-red-pro')
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(metrics).toMatch(/^gateway_answers_total\{provider="a",model="a-large"\} 1$/m)
    expect(metrics).toMatch(/^gateway_tokens_total\{model="a-large"\} \d+$/m)
  })

  it('a warning at a share of a limit: in a field, in the log and at a webhook', async () => {
    const told: Record<string, unknown>[] = []
    const hook = createServer(async (request, response) => {
      let text = ''
      for await (const chunk of request) text += chunk
      told.push(JSON.parse(text))
      response.end()
    })
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    await restart((config) => config.replace('- 300/min', '- 4/min').replace('webhook:', `webhook: ${urlOf(hook)}`))
    const fields = []
    for (let turn = 0; turn < 3; turn++)
      fields.push((await chat({ model: 'fast', max_tokens: 10 })).headers.get('sluice-warning'))
    expect(fields[0] ?? '').not.toContain('key requests/min')
    expect(fields[1]).toContain('"key requests/min";share=0.5')
    await expect.poll(() => told).toMatchObject([{ policy: 'key requests/min', share: 0.5, used: 2, team: 'red' }])
    expect(lines.filter(({ event }) => event === 'warning')).toHaveLength(1)
    hook.closeAllConnections()
    hook.close()
  })
})

describe('9. replicas', () => {
  it('share one Redis: limits and gates are one', async () => {
    const run = spawn(process.execPath, [fileURLToPath(new URL('replicas.js', example)), '--once'], {
      env: { ...process.env, SLUICE_STORE: inject('redisUrl') },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    run.stdout.on('data', (chunk) => {
      text += chunk
    })
    const [code] = await once(run, 'exit')
    expect(text).toContain('20 of 30 requests, sent to both in turn, were let through.')
    expect(code).toBe(0)
  })

  it('lets streams end before it stops, accepts nothing new, and holds no slot', async () => {
    await restart((config) => config, inject('redisUrl'))
    const key = 'sk-blue'
    const response = await chat({ stream: true, messages: [{ role: 'user', content: 'Slowly, please.' }] }, key)
    const closing = server.close()
    await expect
      .poll(() =>
        fetch(`${server.url}/metrics`).then(
          () => 'open',
          () => 'closed',
        ),
      )
      .toBe('closed')
    expect((await response.text()).endsWith('data: [DONE]\n\n')).toBe(true)
    await closing
    await start((config) => config, inject('redisUrl'))
    const usage = await json(await fetch(`${server.url}/usage`, { headers: { authorization: `Bearer ${key}` } }))
    expect(usage).toMatchObject({ resources: { 'key concurrent calls': { used: 0 } } })
  })
})

it('a client cannot choose its cost, its tier or its key by a header', async () => {
  const headers = {
    'x-tier': 'enterprise',
    'x-team': 'blue',
    'x-cost': '0',
    'x-sluice-usage': 'reserved=0',
    tier: 'enterprise',
  }
  const response = await post(
    '/v1/chat/completions',
    { model: 'fast', messages, user: 'enterprise' },
    'sk-red-free',
    headers,
  )
  expect(response.headers.get('ratelimit-policy')).toContain('"key requests/min";q=20;')
  await response.text()
  expect(charged()).toMatchObject([{ team: 'red' }])
  expect(Number(charged()[0]?.['tokens'])).toBeGreaterThan(10)
})

describe('what an attack found', () => {
  it('nothing is passed on in part: what cannot be is refused, and has no part in an answer of the cache', async () => {
    const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }
    for (const odd of [
      { tools: [] },
      { response_format: { type: 'json_object' } },
      { n: 3 },
      { seed: 5 },
      { logit_bias: {} },
      { messages: [{ role: 'tool', tool_call_id: '1', content: 'x' }] },
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }, image] }] },
      { messages: [] },
      { stop: [5] },
    ]) {
      const response = await chat({ ...odd, temperature: 0 })
      expect([response.status, await json(response)]).toMatchObject([400, { error: { type: 'invalid_request_error' } }])
    }
    expect((await post('/v1/messages', { model: 'fast', messages, max_tokens: 5, tools: [] })).status).toBe(400)
    expect(a.served.requests).toBe(0)
  })

  it('embeddings are bounded, of models that make them, and each team has batches of its own', async () => {
    const many = await post('/v1/embeddings', { model: 'a-embed', input: Array(3_000).fill('a') })
    const other = await post('/v1/embeddings', { model: 'smart', input: 'a' })
    const none = await post('/v1/embeddings', { model: 'a-embed' })
    expect([many.status, other.status, none.status, a.served.requests]).toEqual([400, 400, 400, 0])
    await Promise.all(
      ['sk-red-pro', 'sk-blue'].map((key) => post('/v1/embeddings', { model: 'a-embed', input: 'a' }, key)),
    )
    expect(a.served.requests).toBe(2)
    const client = new OpenAI({ apiKey: 'sk-red-pro', baseURL: `${server.url}/v1` })
    const { data } = await client.embeddings.create({ model: 'a-embed', input: 'one' })
    expect(data[0]?.embedding).toHaveLength(8)
    expect(typeof data[0]?.embedding[0]).toBe('number')
  })

  it('a request keeps the configuration that it came under, and the next has the new one', async () => {
    const slow = await chat({ stream: true, model: 'a-large', temperature: 0 })
    const without = CONFIG.replace(/ {2}a-large: .*\n/, '').replace('smart: [a-large, b-large', 'smart: [b-large')
    writeFileSync(join(folder, 'gateway.config.yaml'), without)
    await expect.poll(async () => (await chat({ model: 'a-large' })).status, { timeout: 5_000 }).toBe(404)
    expect((await slow.text()).endsWith('data: [DONE]\n\n')).toBe(true)
    expect(lines.filter(({ event }) => event === 'error')).toEqual([])
    const added = without.replace('models:', 'models:\n  c-large: { provider: c, input: 1, output: 1, context: 9000 }')
    writeFileSync(
      join(folder, 'gateway.config.yaml'),
      added.replace('  b: {', `  c: { format: anthropic, url: "${b.url}" }\n  b: {`),
    )
    await expect
      .poll(async () => (await chat({ model: 'c-large' })).headers.get('x-gateway-route'), { timeout: 5_000 })
      .toMatch(/c\/c-large|none/)
  })

  it.each([
    ['two limits of one kind', (config: string) => config.replace('- 20/min', '- 20/min\n    - 30/min'), 'policies: '],
    [
      'a model without a price',
      (config: string) => config.replace('input: 2.5, ', ''),
      'models.a-large.input: expected a number.',
    ],
    [
      'a tier without requests',
      (config: string) => config.replace('    - 20/min\n', ''),
      'tiers.free: expected limits, one of them in requests.',
    ],
    [
      'an API that is not known',
      (config: string) => config.replace('format: openai', 'format: openia'),
      'providers.a.format: expected openai or anthropic.',
    ],
    [
      'a section that is missing',
      (config: string) => config.replace(/teams:\n(?: {2}.*\n)+/, ''),
      'teams: expected names',
    ],
    [
      'a key of no tier',
      (config: string) => config.replace('tier: free }', 'tier: gold }'),
      'keys.sk-red-free: expected a team and a tier.',
    ],
  ])('a configuration with %s is not taken', async (_what, change, sentence) => {
    writeFileSync(join(folder, 'gateway.config.yaml'), change(CONFIG))
    await expect
      .poll(() => lines.find(({ event }) => event === 'config')?.['message'], { timeout: 5_000 })
      .toContain(`The old configuration stays: ${sentence}`)
    expect((await chat({ model: 'fast', max_tokens: 5 })).status).toBe(200)
  })

  it('variables are texts', async () => {
    for (const variables of [null, 5, [], { text: { toString: 1 } }, { text: null }, {}]) {
      expect((await post('/v1/prompts/summarize/1/run', { variables, model: 'fast' })).status).toBe(400)
    }
    expect(lines.filter(({ event }) => event === 'error')).toEqual([])
  })

  it('what is wrong between the gateway and a provider is no business of its clients', async () => {
    await fault(a, '401', 4)
    const response = await chat()
    expect(response.headers.get('x-gateway-route')).toBe('b/b-large; after="a-large failed (502)"')
    await fault(a, '401', 4)
    const alone = await chat({ model: 'a-large' })
    expect([alone.status, await json(alone)]).toMatchObject([
      502,
      { error: { message: 'The provider could not answer.' } },
    ])
  })

  it('one who leaves is followed by one, not by all who wait', async () => {
    const body = JSON.stringify({ model: 'a-large', messages, temperature: 0, stream: true })
    const headers = { 'content-type': 'application/json', authorization: 'Bearer sk-blue' }
    const controller = new AbortController()
    const first = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body,
      signal: controller.signal,
    })
    await first.body?.getReader().read()
    const others = Array.from({ length: 20 }, () => chat({ model: 'a-large', temperature: 0, stream: true }, 'sk-blue'))
    await new Promise((resolve) => setTimeout(resolve, 5))
    controller.abort()
    expect(
      (await Promise.all(others.map(async (one) => (await one).text()))).every((text) => text.endsWith('[DONE]\n\n')),
    ).toBe(true)
    expect(a.served.requests).toBeLessThanOrEqual(2)
  })

  it('a team sees no prompts of another, strangers no counters, and paths that are none are told so', async () => {
    await post('/v1/prompts/summarize/1/run', { model: 'fast', variables: { text: 'x' } }, 'sk-red-pro')
    const usage = (key: string): Promise<unknown> =>
      fetch(`${server.url}/usage/prompts`, { headers: { authorization: `Bearer ${key}` } }).then(json)
    await expect.poll(() => usage('sk-red-free')).toMatchObject({ tokens: { 'summarize/1': expect.any(Number) } })
    expect(await usage('sk-blue')).toEqual({ tokens: {} })
    const nowhere = await post('/v1/nothing', {})
    expect([nowhere.status, await json(nowhere)]).toMatchObject([404, { error: { message: 'There is no such path.' } }])
  })
})
