import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { Folder, sluice } from './cli.js'

const cli = fileURLToPath(new URL('../../packages/cli/dist/cli.js', import.meta.url))

let running: ChildProcess | undefined

afterEach(() => {
  running?.kill('SIGKILL')
})

interface Mock {
  readonly url: string
  /** Interrupts it, as Ctrl-C does; resolves with its lines and exit code. */
  end(): Promise<{ readonly code: number | null; readonly lines: readonly Readonly<Record<string, unknown>>[] }>
}

async function mock(...options: readonly string[]): Promise<Mock> {
  const child = spawn(process.execPath, [cli, 'mock', '--port', '0', '--json', ...options], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  running = child
  const lines: Readonly<Record<string, unknown>>[] = []
  const reader = createInterface({ input: child.stdout })
  reader.on('line', (line) => lines.push(JSON.parse(line)))
  await once(reader, 'line')
  return {
    url: String(lines[0]?.['url']),
    async end() {
      const closed = once(child, 'close')
      child.kill('SIGINT')
      const [code] = await closed
      return { code, lines }
    },
  }
}

describe('sluice mock', () => {
  it('limits with the real engine, in the dialect of an API', async () => {
    const { url, end } = await mock('--limit', '2/10s', '--limit', '1000 tokens/min', '--preset', 'openai')
    const ask = () =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }], max_tokens: 10 }),
      })
    const first = await ask()
    expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2')
    expect(first.headers.get('x-ratelimit-limit-tokens')).toBe('1000')
    expect(await first.json()).toMatchObject({ object: 'chat.completion' })
    await ask()
    const denied = await ask()
    expect(denied.status).toBe(429)
    expect(await denied.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } })
    expect(await end()).toMatchObject({ code: 0 })
  })

  it('says what clients do wrong while they do it, and ends with code 3 by --check', async () => {
    const { url, end } = await mock('--limit', '1/min', '--check')
    await fetch(url)
    await fetch(url)
    // Longer than a client may need to read the denial.
    await new Promise((resolve) => setTimeout(resolve, 150))
    await fetch(url)
    const { code, lines } = await end()
    expect(code).toBe(3)
    expect(lines.map((line) => line['status']).filter((status) => status !== undefined)).toEqual([200, 429, 429])
    expect(lines).toContainEqual(expect.objectContaining({ violation: 'early', requests: expect.arrayContaining([3]) }))
    expect(lines.at(-1)).toEqual({ requests: 3, violations: lines.filter((line) => 'violation' in line).length })
  })

  it('limits routes apart, and has the routes and examples of an OpenAPI document', async () => {
    using folder = new Folder()
    const file = folder.write(
      'api.yaml',
      'openapi: 3.1.0\ninfo: { title: T, version: "1" }\npaths:\n  /items/{id}:\n    get:\n      responses:\n        "200": { description: ok, content: { application/json: { example: { id: 17 } } } }\n',
    )
    const { url, end } = await mock('--limit', '/items/{id}: 1/min', '--openapi', file)
    expect(await (await fetch(`${url}/items/17`)).json()).toEqual({ id: 17 })
    expect((await fetch(`${url}/items/18`)).status).toBe(429)
    expect((await fetch(`${url}/nothing`)).status).toBe(404)
    await end()
  })

  it('keeps the names of limits, and fails a check of nothing', async () => {
    const { url, end } = await mock('--limit', 'login: 3/s', '--check')
    const other = end()
    expect((await other).code).toBe(3)
    const named = await mock('--limit', 'login: 3/s')
    expect((await fetch(named.url)).headers.get('ratelimit-policy')).toBe('"login";q=3;w=1')
    await named.end()
    expect(url).toContain('127.0.0.1')
  })

  it('fails as it is told', async () => {
    const { url, end } = await mock(
      '--fault',
      'every=2,status=503,retryAfter=7',
      '--fault',
      'from=3,to=3,reset',
      '--latency',
      '1-20',
    )
    expect((await fetch(url)).status).toBe(200)
    const second = await fetch(url)
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '7'])
    await expect(fetch(url)).rejects.toThrow('fetch failed')
    await end()
  })

  it.each([
    [['--preset', 'opnai'], 'preset'],
    [['--limit', '5/mn'], '"5/mn" is not a limit'],
    [['--fault', 'every'], '--fault: every'],
    [['--fault', 'every=2,status=200'], 'status'],
    [['--latency', 'long'], '--latency: expected milliseconds'],
    [['--openapi', '/nowhere.yaml'], '/nowhere.yaml'],
    [['--port', 'x'], '--port: expected a whole number'],
  ])('says what is wrong with %j', async (options, sentence) => {
    const { code, stderr } = await sluice(['mock', ...options])
    expect(stderr).toContain(sentence)
    expect(stderr).not.toContain('    at ')
    expect(code).toBe(2)
  })
})
