import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { concurrency, memoryStore, sluice, tokenBucket } from '@sluice/express'
import { type DescribedLimit, describeLimits, limitedRoutes, limitsMarkdown } from '@sluice/openapi'
import { quota } from '@sluice/quota'
import express from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)

const hasPython = await run('python3', ['--version']).then(
  () => true,
  () => false,
)

/** The blocks of code of a page, by language. */
function blocks(page: string, language: string): readonly string[] {
  return Array.from(page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)).flatMap(([, name, code = '']) =>
    name === language ? [code] : [],
  )
}

/** The lines of a message, sorted. */
function sent(text: string): readonly string[] {
  return text.trim().split('\n').sort()
}

function described(limits: Parameters<typeof describeLimits>[0]['limits'], others = {}): readonly DescribedLimit[] {
  return describeLimits({ limits, ...others })
}

describe('a page for customers', () => {
  const limit = sluice()
  const app = express()
  app.use(limit('1000/hour', { name: 'all' }))
  app.get('/books/:id', (_request, response) => response.end())
  app.post('/login', limit('5/15min', { name: 'login', cost: 2 }), (_request, response) => response.end())
  const page = limitsMarkdown(limitedRoutes(app), { title: 'Limits of Bookshop' })

  it('has a table of limits by route', () => {
    expect(page).toMatch(/^# Limits of Bookshop\n/)
    expect(page).toContain(
      [
        '| Requests | Limit |',
        '| --- | --- |',
        '| `GET /books/{id}` | 1,000 requests per hour for each client address |',
        '| `POST /login` | 1,000 requests per hour for each client address<br>5 requests per 15 minutes for each client address |',
        '',
        '- Of `POST /login`, a request counts as 2 requests.',
      ].join('\n'),
    )
  })

  it('has a column for each plan, and rows by name where routes are not known', () => {
    const plans = { free: '60/min', pro: ['600/min', quota('1M/month')] }
    const all = described({ api: { plan: () => 'free' }, export: concurrency(2) }, { plans })
    expect(limitsMarkdown(all)).toContain(
      [
        '| Requests | Plan free | Plan pro |',
        '| --- | --- | --- |',
        '| `api` | 60 requests per minute for each client address | 600 requests per minute and 1,000,000 requests per calendar month for each client address |',
        '| `export` | 2 requests at a time for each client address | 2 requests at a time for each client address |',
      ].join('\n'),
    )
  })

  it('shows the fields and the denial that a server sends', async () => {
    const strict = sluice({ store: memoryStore({ clock: () => Date.UTC(2026, 0, 1) }) })
    const small = express().get('/login', strict('5/15min', { name: 'login' }), (_request, response) => response.end())
    const [fields = '', denial = ''] = blocks(limitsMarkdown(limitedRoutes(small)), 'http')
    const listening = small.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    const ask = () => fetch(`http://127.0.0.1:${(listening.address() as AddressInfo).port}/login`)

    const first = await ask()
    expect(sent(fields)).toEqual(
      ['RateLimit', 'RateLimit-Policy'].map((name) => `${name}: ${first.headers.get(name)}`).sort(),
    )
    for (let request = 2; request <= 5; request++) await ask()
    const denied = await ask()
    const [head = '', body = ''] = denial.split('\n\n')
    const names = ['Content-Type', 'RateLimit', 'RateLimit-Policy', 'Retry-After']
    expect(head.split('\n')[0]).toBe(`HTTP/1.1 ${denied.status} ${denied.statusText}`)
    expect(sent(head.slice(head.indexOf('\n')))).toEqual(
      names.map((name) => `${name}: ${denied.headers.get(name)}`).sort(),
    )
    expect(JSON.parse(body)).toEqual(await denied.json())
    listening.close()
    listening.closeAllConnections()
  })

  it.each<[string, Parameters<typeof described>[0], object]>([
    ['a token bucket', { a: tokenBucket('10/s', { burst: 40 }) }, {}],
    ['a quota', { a: quota('10k/month') }, {}],
    ['slots', { a: concurrency(2) }, {}],
    ['tokens', { a: '100k tokens/min' }, {}],
    ['draft 7', { a: '5/min' }, { headers: 'draft-7' }],
    ['draft 6', { a: '5/min' }, { headers: 'draft-6' }],
    ['X-RateLimit', { a: '5/min' }, { headers: ['draft+pk', 'legacy'] }],
  ])('explains each field of %s', (_, limits, others) => {
    const own = limitsMarkdown(described(limits, others))
    const [fields = ''] = blocks(own, 'http')
    expect(fields).toMatch(/^(?:X-)?RateLimit/)
    for (const line of fields.trim().split('\n'))
      expect(own).toMatch(new RegExp(`\`${line.split(':')[0]}\`|\`remaining\``))
  })

  it('is the same each time, also where a quota follows the calendar', () => {
    const limits = described({ a: quota('10k/month') })
    expect(limitsMarkdown(limits)).toBe(limitsMarkdown(limits))
  })

  it('says nothing of fields and denials that there are not', () => {
    expect(limitsMarkdown(described({ a: '5/min' }, { headers: [] }))).not.toContain('## Header fields')
    const slow = limitsMarkdown(described({ a: { policies: '5/min', delay: { after: 1, stepMs: 10 } } }))
    expect(slow).not.toContain('## Denied requests')
  })

  it('survives names with pipes and backticks', () => {
    const own = limitsMarkdown(described({ '`a` | b': '5/min' }))
    expect(own).toContain('| `` `a` \\| b `` | 5 requests per minute')
  })

  it.each([
    [[], {}, /none of these routes has a limit/],
    [{}, {}, /expected routes, as limitedRoutes\(app\) returns them, or limits/],
    [described({ a: '5/min' }), { titel: 'x' }, /has no option "titel". Did you mean "title"\?/],
    [described({ a: '5/min' }), { title: 'a\nb' }, /title: expected one line of text/],
    [described({ a: '5/min' }), { url: "https://a.example/'; rm -rf /" }, /url: expected an http or https URL/],
    [described({ a: '5/min' }), { url: 'ftp://a.example' }, /url: expected an http or https URL.*got "ftp/],
  ])('refuses %j with %j', (limits, options, message) => {
    expect(() => limitsMarkdown(limits as readonly DescribedLimit[], options as object)).toThrow(message)
  })
})

describe('the programs of the page', () => {
  const limit = sluice()
  const attempts = new Map<string, number>()
  const app = express()
  app.use((request, _response, next) => {
    attempts.set(request.path, (attempts.get(request.path) ?? 0) + 1)
    next()
  })
  // One request a second for each program: the first is taken here, so that each is denied once.
  app.get('/:program', limit('1/s', { name: 'one', key: (request) => request.path }), (_request, response) => {
    response.json({ ok: true })
  })
  const server = app.listen(0, '127.0.0.1')
  let base = ''

  beforeAll(async () => {
    if (!server.listening) await once(server, 'listening')
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  async function program(name: string, language: string, index = 0): Promise<string> {
    const url = `${base}/${name}`
    const code = blocks(limitsMarkdown(limitedRoutes(app), { url }), language)[index] ?? ''
    expect((await fetch(url)).status).toBe(200)
    return code
  }

  async function javascript(name: string, index: number): Promise<void> {
    const place = fileURLToPath(new URL('../.generated/openapi', import.meta.url))
    await mkdir(place, { recursive: true })
    const file = `${place}/${name}.mjs`
    await writeFile(file, await program(name, 'js', index))
    const { stdout } = await run(process.execPath, [file])
    expect(stdout).toBe('200\n')
  }

  it('wait in JavaScript, and succeed', async () => {
    await javascript('fetch', 0)
    expect(attempts.get('/fetch')).toBe(3)
  })

  it('wait with @sluice/client, and succeed', async () => {
    await javascript('client', 1)
    expect(attempts.get('/client')).toBe(3)
  })

  it('wait with curl, and succeed', async () => {
    const { stdout } = await run('sh', ['-c', await program('curl', 'sh')])
    expect(JSON.parse(stdout)).toEqual({ ok: true })
    expect(attempts.get('/curl')).toBe(3)
  })

  it.runIf(hasPython)('wait in Python, and succeed', async () => {
    const { stdout } = await run('python3', ['-c', await program('python', 'python')])
    expect(stdout).toBe('200\n')
    expect(attempts.get('/python')).toBe(3)
  })
})
