import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Anthropic from '@anthropic-ai/sdk'
import { parseRateLimit } from '@sluice/client'
import { type MockApi, type MockApiOptions, manualClock, mockApi } from '@sluice/testing'
import OpenAI from 'openai'
import { afterEach, describe, expect, it } from 'vitest'

const mocks: MockApi[] = []

async function started(options?: MockApiOptions): Promise<MockApi> {
  const mock = await mockApi(options)
  mocks.push(mock)
  return mock
}

afterEach(async () => {
  await Promise.all(mocks.splice(0).map((mock) => mock.close()))
})

const messages = [{ role: 'user' as const, content: 'hello' }]

describe('a mock API', () => {
  it('limits with the real engine, by a clock that the test moves', async () => {
    const clock = manualClock()
    const mock = await started({ limits: '2/10s', clock })
    for (const status of [200, 200, 429]) expect((await fetch(mock.url)).status).toBe(status)
    const denied = await fetch(mock.url)
    expect(denied.headers.get('retry-after')).toBe('10')
    expect(denied.headers.get('ratelimit')).toBe('"default";r=0;t=10')
    expect(await denied.json()).toMatchObject({ title: 'Too many requests', 'violated-policies': ['default'] })
    clock.advance('10s')
    expect((await fetch(mock.url)).status).toBe(200)
  })

  it('writes its fields by that clock', async () => {
    const clock = manualClock()
    const mock = await started({ limits: '2/10s', clock, preset: 'legacy' })
    await fetch(mock.url)
    clock.advance('1d')
    const { headers } = await fetch(mock.url)
    const date = Date.parse(headers.get('date') ?? '')
    expect(Math.abs(date - Date.now() - 86_400_000)).toBeLessThan(3_000)
    const untilReset = Number(headers.get('x-ratelimit-reset')) * 1000 - date
    expect(untilReset).toBeGreaterThanOrEqual(10_000)
    expect(untilReset).toBeLessThan(13_000)
  })

  it('remembers what it received, with when and how it was answered', async () => {
    const clock = manualClock(5)
    const mock = await started({ limits: '1/min', clock })
    await fetch(`${mock.url}/things?page=2`, { method: 'PUT', body: 'one', headers: { 'x-api-key': 'k' } })
    clock.advance(10)
    await fetch(`${mock.url}/things`, { headers: { authorization: 'Bearer b' } })
    expect(mock.requests).toMatchObject([
      { number: 1, method: 'PUT', path: '/things?page=2', body: 'one', key: 'k', at: 5, endedAt: 5, status: 200 },
      { number: 2, method: 'GET', path: '/things', key: 'Bearer b', at: 15, status: 200, waitMs: undefined },
    ])
    expect(mock.requests[0]?.headers).toMatchObject({ 'x-api-key': 'k' })
  })

  it('has a quota for each credential, otherwise for each address', async () => {
    const mock = await started({ limits: '1/min' })
    const ask = async (headers: Record<string, string>): Promise<number> => (await fetch(mock.url, { headers })).status
    expect(await ask({ authorization: 'a' })).toBe(200)
    expect(await ask({ authorization: 'b' })).toBe(200)
    expect(await ask({ 'x-api-key': 'c' })).toBe(200)
    expect(await ask({})).toBe(200)
    expect(await ask({ authorization: 'a' })).toBe(429)
    expect(await ask({})).toBe(429)
  })

  it('has limits by route, of which the first that matches holds', async () => {
    const mock = await started({ limits: { 'POST /login': { policy: '1/min', name: 'login' }, '/v1/*': ['2/min'] } })
    const post = await fetch(`${mock.url}/login`, { method: 'POST' })
    expect(post.headers.get('ratelimit-policy')).toBe('"login";q=1;w=60')
    expect((await fetch(`${mock.url}/login`, { method: 'POST' })).status).toBe(429)
    expect((await fetch(`${mock.url}/v1/a`)).headers.get('ratelimit')).toContain('r=1')
    expect((await fetch(`${mock.url}/v1/b`)).headers.get('ratelimit')).toContain('r=0')
    const free = await fetch(`${mock.url}/login`)
    expect([free.status, free.headers.get('ratelimit')]).toEqual([200, null])
  })

  it('answers as the test asks it to', async () => {
    const mock = await started({
      limits: '5/min',
      respond: ({ path }) => (path === '/missing' ? { status: 404, body: { error: 'missing' } } : undefined),
    })
    const missing = await fetch(`${mock.url}/missing`)
    expect([missing.status, await missing.json()]).toEqual([404, { error: 'missing' }])
    expect(await (await fetch(mock.url)).json()).toEqual({ ok: true })
  })

  it('reports a function of the test that throws, and goes on', async () => {
    const mock = await started({
      respond: ({ path }) => {
        if (path === '/throws') throw undefined
        return Promise.reject(new Error('no fixture'))
      },
    })
    const answers = [await fetch(`${mock.url}/throws`), await fetch(mock.url)]
    expect(answers.map(({ status }) => status)).toEqual([500, 500])
    expect(await answers[1]?.text()).toBe('The mock API failed: no fixture\n')
  })

  it('waits before it answers', async () => {
    const mock = await started({ latency: ({ path }) => (path === '/slow' ? 80 : 0) })
    await fetch(`${mock.url}/slow`)
    await fetch(`${mock.url}/fast`)
    const [slow, fast] = mock.requests.map(({ at, endedAt = 0 }) => endedAt - at)
    expect(slow).toBeGreaterThanOrEqual(79)
    expect(fast).toBeLessThan(79)
  })

  it('tells of each request as it ends', async () => {
    const seen: unknown[] = []
    const mock = await started({ limits: '1/min', onRequest: ({ number, status }) => seen.push([number, status]) })
    await fetch(mock.url)
    await fetch(mock.url)
    expect(seen).toEqual([
      [1, 200],
      [2, 429],
    ])
  })

  it('goes on where the function that it tells throws', async () => {
    const warnings: string[] = []
    const note = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', note)
    const mock = await started({
      onRequest: ({ number }) => {
        if (number === 1) throw new Error('no log')
        return Promise.reject(new Error('no log either'))
      },
    })
    await fetch(mock.url)
    await fetch(mock.url)
    await expect.poll(() => warnings).toEqual(['onRequest: no log', 'onRequest: no log either'])
    process.off('warning', note)
  })

  it('forgets everything in reset(), and ends what is still open', async () => {
    const mock = await started({ limits: '1/min', faults: { from: 2, hang: true } })
    await fetch(mock.url)
    const hanging = fetch(mock.url).catch(() => 'ended')
    await expect.poll(() => mock.requests.length).toBe(2)
    mock.reset()
    expect(await hanging).toBe('ended')
    expect(mock.requests).toEqual([])
    expect((await fetch(mock.url)).status).toBe(200)
    expect(mock.requests).toMatchObject([{ number: 1, status: 200 }])
  })

  it('ends hanging and idle connections when it is closed, and may be closed twice', async () => {
    const mock = await started({ faults: { hang: true } })
    const hanging = fetch(mock.url).catch(() => 'ended')
    await expect.poll(() => mock.requests.length).toBe(1)
    await mock[Symbol.asyncDispose]()
    await mock.close()
    expect(await hanging).toBe('ended')
  })

  it('listens on the port that it is given, or says that it is taken', async () => {
    const first = await started()
    expect(first.url).toBe(`http://127.0.0.1:${first.port}`)
    await expect(mockApi({ port: first.port })).rejects.toThrow(/port: mockApi\(\) cannot listen on \d+: .*EADDRINUSE/)
  })

  it.each([
    [{ limit: '5/s' }, /mockApi\(\) has no option "limit". Did you mean "limits"/],
    [{ limits: '5 per s' }, /5 per s/],
    [{ limits: {} }, /limits: expected policies such as '5\/10s'/],
    [{ limits: 5 }, /limits: expected policies/],
    [{ limits: { login: '5/s' } }, /limits: expected a route such as 'POST \/login'/],
    [{ preset: 'azuer' }, /preset: expected one of 'ietf', .*, got "azuer"/],
    [{ latency: [5, 1] }, /latency: expected milliseconds/],
    [{ latency: -1 }, /latency: expected milliseconds/],
    [{ port: 70_000 }, /port: expected a whole number from 0 to 65535/],
    [{ respond: {} }, /respond: expected a function/],
    [{ openapi: './missing.yaml' }, /openapi: "\.\/missing\.yaml" cannot be read/],
    [{ openapi: {} }, /openapi: expected an OpenAPI document with "paths"/],
  ])('refuses what cannot be right: %j', async (options, message) => {
    await expect(mockApi(options as MockApiOptions)).rejects.toThrow(message)
  })
})

describe('the fault', () => {
  it('of a status comes in place of the limit, with Retry-After in seconds or as a date', async () => {
    const mock = await started({
      limits: '1/min',
      faults: [
        { to: 1, status: 503, retryAfter: 2 },
        { from: 2, to: 2, status: 429, retryAfter: 2, retryAfterForm: 'date' },
      ],
    })
    const [first, second, third] = [await fetch(mock.url), await fetch(mock.url), await fetch(mock.url)]
    expect([first.status, first.headers.get('retry-after')]).toEqual([503, '2'])
    expect(second.status).toBe(429)
    const date = Date.parse(second.headers.get('retry-after') ?? '') - Date.now()
    expect(date).toBeGreaterThan(1_000)
    expect(date).toBeLessThanOrEqual(3_000)
    expect(third.status).toBe(200)
  })

  it('of a reset ends the connection before the response, or in the middle of its body', async () => {
    const mock = await started({
      faults: [
        { to: 1, reset: true },
        { from: 2, reset: 'body' },
      ],
    })
    await expect(fetch(mock.url)).rejects.toThrow('fetch failed')
    const cut = await fetch(mock.url)
    expect(cut.status).toBe(200)
    await expect(cut.text()).rejects.toThrow()
    expect(mock.requests.map(({ status }) => status)).toEqual([undefined, undefined])
  })

  it('of a hang leaves the request without an answer', async () => {
    const mock = await started({ faults: { hang: true } })
    await expect(fetch(mock.url, { signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/)
    await expect.poll(() => mock.requests[0]?.endedAt).toBeDefined()
    expect(mock.requests[0]?.status).toBeUndefined()
  })

  it.each([
    ['legacy', 'x-ratelimit-reset'],
    ['github', 'x-ratelimit-reset'],
  ] as const)('of a wrong clock moves Date and the resets of %s', async (preset, name) => {
    const mock = await started({ limits: '1/min', preset, faults: { clockSkewMs: -3_600_000 } })
    const { headers } = await fetch(mock.url)
    expect(Number(headers.get(name)) * 1000 - Date.parse(headers.get('date') ?? '')).toBeLessThanOrEqual(61_000)
    expect(Date.parse(headers.get('date') ?? '')).toBeLessThan(Date.now() - 3_590_000)
    const [limit] = parseRateLimit(headers).limits
    expect(Math.abs((limit?.resetAt ?? 0) - Date.now() - 60_000)).toBeLessThan(2_500)
  })

  it("of a wrong clock moves Anthropic's instants", async () => {
    const mock = await started({ limits: '1/min', preset: 'anthropic', faults: { clockSkewMs: 7_200_000 } })
    const { headers } = await fetch(mock.url)
    const reset = Date.parse(headers.get('anthropic-ratelimit-requests-reset') ?? '')
    expect(Math.abs(reset - Date.now() - 7_260_000)).toBeLessThan(2_500)
  })

  it('survives clients that leave in the middle of a request', async () => {
    const mock = await started({ latency: 20 })
    const socket = connect(mock.port, '127.0.0.1', () => {
      socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf')
    })
    await expect.poll(() => mock.requests.length).toBe(1)
    socket.destroy()
    await expect.poll(() => mock.requests[0]?.endedAt).toBeDefined()
    expect((await fetch(mock.url)).status).toBe(200)
  })
})

describe('the dialect', () => {
  it.each([
    ['ietf', 429, ['ratelimit', 'ratelimit-policy', 'retry-after'], 'title'],
    ['legacy', 429, ['retry-after', 'x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'], 'message'],
    [
      'github',
      403,
      [
        ...['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'x-ratelimit-resource'],
        'x-ratelimit-used',
      ],
      'documentation_url',
    ],
    [
      'openai',
      429,
      [
        ...['retry-after', 'retry-after-ms', 'x-ratelimit-limit-requests', 'x-ratelimit-remaining-requests'],
        'x-ratelimit-reset-requests',
      ],
      'error',
    ],
    [
      'anthropic',
      429,
      [
        ...['anthropic-ratelimit-requests-limit', 'anthropic-ratelimit-requests-remaining'],
        ...['anthropic-ratelimit-requests-reset', 'retry-after', 'retry-after-ms'],
      ],
      'error',
    ],
    ['azure', 429, ['retry-after', 'retry-after-ms', 'x-ratelimit-remaining-requests'], 'error'],
    ['stripe', 429, ['stripe-rate-limited-reason'], 'error'],
  ] as const)('of %s has its own fields and its own denial', async (preset, status, fields, member) => {
    const mock = await started({ limits: '1/10s', preset })
    await fetch(mock.url)
    const denied = await fetch(mock.url)
    expect(denied.status).toBe(status)
    expect([...denied.headers.keys()].filter((name) => /limit|retry/.test(name))).toEqual(fields)
    expect(await denied.json()).toHaveProperty(member)
  })

  it('of github counts what is used', async () => {
    const mock = await started({ limits: '3/min', preset: 'github' })
    await fetch(mock.url)
    const { headers } = await fetch(mock.url)
    const shown = ['limit', 'remaining', 'used', 'resource'].map((part) => headers.get(`x-ratelimit-${part}`))
    expect(shown).toEqual(['3', '1', '2', 'core'])
  })

  it('of stripe names the code that its SDKs look for', async () => {
    const mock = await started({ limits: '1/min', preset: 'stripe' })
    expect(await (await fetch(`${mock.url}/v1/charges`)).json()).toMatchObject({ object: 'list', url: '/v1/charges' })
    const denied = await fetch(mock.url)
    expect(denied.headers.get('stripe-rate-limited-reason')).toBe('global-rate')
    expect(await denied.json()).toMatchObject({ error: { code: 'rate_limit', type: 'invalid_request_error' } })
  })

  it('of openai is understood by its SDK: answers, streams, embeddings, token limits and denials', async () => {
    const mock = await started({ limits: ['5/min', '3k tokens/min'], preset: 'openai' })
    const client = new OpenAI({ baseURL: `${mock.url}/v1`, apiKey: 'key', maxRetries: 0 })
    const answer = await client.chat.completions.create({ model: 'gpt-test', messages, max_tokens: 100 })
    expect(answer).toMatchObject({ model: 'gpt-test', choices: [{ message: { content: 'This is a mock answer.' } }] })
    const stream = await client.chat.completions.create({
      ...{ model: 'gpt-test', messages, stream: true, max_tokens: 100, stream_options: { include_usage: true } },
    })
    let text = ''
    let total = 0
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      total += chunk.usage?.total_tokens ?? 0
    }
    expect(text).toBe('This is a mock answer.')
    expect(total).toBeGreaterThan(5)
    const { data } = await client.embeddings.create({ model: 'e', input: ['a', 'b'], encoding_format: 'float' })
    expect(data).toHaveLength(2)
    const responses = await client.responses.create({ model: 'gpt-test', input: 'hello', max_output_tokens: 50 })
    expect(responses.output_text).toBe('This is a mock answer.')
    const denied = await client.chat.completions
      .create({ model: 'gpt-test', messages, max_tokens: 2_990 })
      .catch((error: unknown) => error)
    expect(denied).toBeInstanceOf(OpenAI.RateLimitError)
    expect(mock.requests[0]?.key).toBe('Bearer key')
  })

  it('of anthropic is understood by its SDK', async () => {
    const mock = await started({ limits: '2/min', preset: 'anthropic' })
    const client = new Anthropic({ baseURL: mock.url, apiKey: 'key', maxRetries: 0 })
    const asked = { model: 'claude-test', max_tokens: 50, messages }
    expect((await client.messages.create(asked)).content).toMatchObject([{ text: 'This is a mock answer.' }])
    const final = await client.messages.stream(asked).finalMessage()
    expect(final).toMatchObject({ content: [{ text: 'This is a mock answer.' }], usage: { output_tokens: 5 } })
    await expect(client.messages.create(asked)).rejects.toThrow(Anthropic.RateLimitError)
  })

  it('of azure tells tokens from calls', async () => {
    const mock = await started({ limits: ['100/min', '1k tokens/min'], preset: 'azure' })
    const ask = (): Promise<Response> =>
      fetch(`${mock.url}/openai/deployments/gpt/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'api-key': 'k' },
        body: JSON.stringify({ model: 'gpt', messages, max_tokens: 980 }),
      })
    // Both reserve before either is charged.
    const statuses = (await Promise.all([ask(), ask()])).map(({ status }) => status)
    expect(statuses).toContain(200)
    const big = await fetch(mock.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'api-key': 'k' },
      body: JSON.stringify({ model: 'gpt', messages, max_tokens: 995 }),
    })
    expect(big.status).toBe(429)
    const { error } = (await big.json()) as { error: { code: string; message: string } }
    expect(error.code).toBe('429')
    expect(error.message).toMatch(/token rate limit .* Please retry after \d+ seconds?\./)
  })

  it('of any API answers with events where the request accepts nothing else', async () => {
    const mock = await started()
    const response = await fetch(mock.url, { headers: { accept: 'text/event-stream' } })
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(await response.text()).toBe('data: {"ok":true}\n\n')
  })
})

describe('a mock of an OpenAPI document', () => {
  const yaml = `
openapi: 3.1.0
info: { title: Shop, version: '1' }
servers: [{ url: 'https://api.example.com/v1' }]
paths:
  /users/{id}:
    get:
      responses:
        '404': { description: none }
        '200':
          description: a user
          content: { application/json: { schema: { $ref: '#/components/schemas/User' } } }
  /users/me:
    get:
      responses: { '200': { $ref: '#/components/responses/Me' } }
  /users:
    post:
      responses: { '201': { description: made, content: { application/json: { example: { id: 7 } } } } }
    delete:
      responses: { '204': { description: gone } }
components:
  schemas:
    User: { type: object, properties: { name: { type: string, example: Ada }, friend: { $ref: '#/components/schemas/User' } } }
  responses:
    Me: { description: me, content: { application/json: { examples: { usual: { value: { name: me } } } } } }
`

  it('has its routes and examples, or samples of its schemas', async () => {
    const file = join(tmpdir(), `sluice-openapi-${process.pid}.yaml`)
    writeFileSync(file, yaml)
    const mock = await started({ openapi: file, limits: '100/min' })
    const ask = async (method: string, path: string): Promise<unknown[]> => {
      const response = await fetch(mock.url + path, { method })
      const text = await response.text()
      return [response.status, text === '' ? '' : JSON.parse(text)]
    }
    expect(await ask('GET', '/v1/users/me')).toEqual([200, { name: 'me' }])
    expect(await ask('GET', '/users/9')).toEqual([200, expect.objectContaining({ name: 'Ada' })])
    expect(await ask('POST', '/users')).toEqual([201, { id: 7 }])
    expect(await ask('DELETE', '/users')).toEqual([204, ''])
  })

  it('has no others, which take nothing', async () => {
    const openapi = { openapi: '3.1.0', paths: { '/a': { get: { responses: { default: { description: 'a' } } } } } }
    const mock = await started({ openapi, limits: '1/min' })
    expect((await fetch(`${mock.url}/b`)).status).toBe(404)
    const refused = await fetch(`${mock.url}/a`, { method: 'POST' })
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET'])
    expect((await fetch(`${mock.url}/a`)).status).toBe(200)
    expect((await fetch(`${mock.url}/a`)).status).toBe(429)
  })

  it('is refused where a reference points to nothing, or elsewhere', async () => {
    const withReference = (reference: string): MockApiOptions => ({
      openapi: { openapi: '3.1.0', paths: { '/a': { get: { responses: { 200: { $ref: reference } } } } } },
    })
    await expect(mockApi(withReference('#/components/none'))).rejects.toThrow(/points to nothing/)
    await expect(mockApi(withReference('other.yaml#/a'))).rejects.toThrow(/points outside the document/)
  })
})
