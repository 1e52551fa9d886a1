import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sluice as express, memoryStore } from '@sluice/express'
import app from 'express'
import { describe, expect, it } from 'vitest'
import { sluice } from './cli.js'

interface Loaded {
  readonly admitted: number
  readonly denied: number
  readonly failed: number
  readonly heldBack: number
  readonly latencyMs: { readonly admitted: { readonly p50: number; readonly max: number } }
  readonly limits: readonly { readonly name: string; readonly quota: number; readonly mostAdmitted: number | null }[]
  readonly findings: readonly { readonly kind: string; readonly count: number; readonly isCertain: boolean }[]
  readonly errors: Readonly<Record<string, number>>
}

async function load(listener: RequestListener, ...options: readonly string[]): Promise<Loaded> {
  const server = createServer(listener).listen(0)
  try {
    const { port } = server.address() as AddressInfo
    const { stdout, stderr } = await sluice(['load', `http://localhost:${port}/`, '--json', ...options])
    expect(stderr).toBe('')
    return JSON.parse(stdout) as Loaded
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

function limited(policies: '5/2s' | '20/min'): RequestListener {
  const server = app()
  const limit = express({ store: memoryStore() })
  server.use(limit(policies, { name: 'api', key: (request) => request.get('x-api-key') ?? 'all' }))
  server.use((_request, response) => void response.sendStatus(200))
  return server
}

describe('sluice load', () => {
  it('reports what was admitted against what was announced, and finds our headers honest', async () => {
    const hammer = await load(
      limited('5/2s'),
      '--rps',
      '60',
      '--clients',
      '3',
      '--for',
      '3s',
      '--behave',
      'hammer',
      '--as',
      'x-api-key: u{client}',
    )
    expect(hammer.admitted + hammer.denied + hammer.heldBack).toBe(180)
    expect(hammer.limits).toEqual([expect.objectContaining({ name: 'api', quota: 5, mostAdmitted: 5 })])
    expect(hammer.admitted).toBeGreaterThanOrEqual(15)
    expect(hammer.findings).toEqual([])
    expect(hammer.latencyMs.admitted.max).toBeGreaterThan(0)
  })

  it('lets polite clients wait as they are told', async () => {
    const polite = await load(
      limited('5/2s'),
      '--rps',
      '40',
      '--clients',
      '2',
      '--for',
      '3s',
      '--as',
      'x-api-key: u{client}',
    )
    // Each client is denied once in two seconds.
    expect(polite.denied).toBeLessThanOrEqual(4)
    expect(polite.heldBack).toBeGreaterThan(50)
    expect(polite.findings).toEqual([])
  })

  it.each<{
    readonly what: string
    readonly kind: string
    readonly answer: (count: number) => { readonly status: number; readonly headers: Readonly<Record<string, string>> }
  }>([
    { what: 'a denial without Retry-After', kind: 'no-retry-after', answer: () => ({ status: 429, headers: {} }) },
    {
      what: 'a denial while something remains',
      kind: 'remaining-but-denied',
      answer: (count) => ({
        status: count % 2 === 0 ? 429 : 200,
        headers: { 'RateLimit-Policy': '"a";q=9;w=60', RateLimit: '"a";r=5;t=60', 'Retry-After': '1' },
      }),
    },
    {
      what: 'more remaining than there is',
      kind: 'remaining-above-limit',
      answer: () => ({
        status: 200,
        headers: { 'X-RateLimit-Limit': '5', 'X-RateLimit-Remaining': '6', 'X-RateLimit-Reset': '99' },
      }),
    },
    {
      what: 'a request that passes long before it may',
      kind: 'retry-after-too-long',
      answer: (count) => ({ status: count % 2 === 0 ? 200 : 429, headers: { 'Retry-After': '30' } }),
    },
    {
      what: 'a Retry-After that ends before the reset',
      kind: 'retry-after-before-reset',
      answer: () => ({
        status: 429,
        headers: { 'RateLimit-Policy': '"a";q=9;w=60', RateLimit: '"a";r=0;t=60', 'Retry-After': '1' },
      }),
    },
    {
      what: 'a request that passes though nothing remains',
      kind: 'nothing-remaining-but-allowed',
      answer: () => ({ status: 200, headers: { 'RateLimit-Policy': '"a";q=9;w=60', RateLimit: '"a";r=0;t=60' } }),
    },
  ])('finds $what', async ({ kind, answer }) => {
    let count = 0
    const listener: RequestListener = (_request, response) => {
      count += 1
      const { status, headers } = answer(count)
      response.writeHead(status, headers).end()
    }
    const { findings } = await load(listener, '--rps', '20', '--clients', '1', '--for', '500ms', '--behave', 'hammer')
    expect(findings.map((finding) => finding.kind)).toContain(kind)
  })

  it.each([
    ['refunds', { refund: 'successful' }, '1/min'],
    ['costs', { cost: 3 }, '10/2s'],
    ['delays', { delay: { after: 1, stepMs: 20, maxMs: 100 } }, '5/2s'],
  ] as const)('does not call a server dishonest that %s', async (_what, options, policies) => {
    const server = app()
    server.use(express({ store: memoryStore() })(policies, { name: 'api', ...options }))
    server.use((_request, response) => void response.sendStatus(200))
    const { findings } = await load(server, '--rps', '25', '--clients', '1', '--for', '1500ms')
    expect(findings.filter(({ isCertain }) => isCertain)).toEqual([])
  })

  it('sees that more is admitted than was announced', async () => {
    const headers = { 'RateLimit-Policy': '"x";q=10;w=60', RateLimit: '"x";r=9;t=60' }
    const { findings } = await load(
      (_request, response) => response.writeHead(200, headers).end(),
      '--rps',
      '50',
      '--for',
      '1s',
    )
    expect(findings).toEqual([expect.objectContaining({ kind: 'more-admitted-than-announced', isCertain: false })])
  })

  it('waits for no response that drips', async () => {
    let count = 0
    const began = performance.now()
    const { failed } = await load(
      (_request, response) => {
        count += 1
        if (count === 1) return void response.end('ok')
        const drip = setInterval(() => response.write('x'), 50)
        response.on('close', () => clearInterval(drip))
      },
      ...['--rps', '4', '--clients', '2', '--for', '500ms', '--timeout', '300ms'],
    )
    expect(failed).toBeGreaterThan(0)
    expect(performance.now() - began).toBeLessThan(3_000)
  })

  it('counts errors of the server as failed, and a server that is not there ends it with code 1', async () => {
    const { admitted, failed } = await load((_request, response) => response.writeHead(500).end(), '--for', '300ms')
    expect([admitted, failed > 5]).toEqual([0, true])
    const { code, stderr } = await sluice(['load', 'http://127.0.0.1:9/', '--for', '200ms'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^http:\/\/127\.0\.0\.1:9 gave no response to any request: E\w+\.\n$/)
  })

  it('counts what got no response, and goes on', async () => {
    let count = 0
    const listener: RequestListener = (request, response) => {
      count += 1
      if (count % 3 === 0) request.socket.destroy()
      else if (count % 3 === 1) response.end('ok')
    }
    const { admitted, failed, errors } = await load(
      listener,
      '--rps',
      '60',
      '--clients',
      '20',
      '--for',
      '1s',
      '--timeout',
      '300ms',
    )
    expect(admitted).toBeGreaterThan(10)
    expect(failed).toBeGreaterThan(20)
    expect(Object.keys(errors).join()).toContain('no whole response in 300 ms')
  })

  it('ends with code 3 where a condition of --fail-if holds', async () => {
    const server = createServer((_request, response) => response.writeHead(429).end()).listen(0)
    const { port } = server.address() as AddressInfo
    const { code, stderr } = await sluice([
      'load',
      `http://127.0.0.1:${port}/`,
      '--for',
      '200ms',
      '--fail-if',
      'dishonest>0',
    ])
    server.close()
    expect(code).toBe(3)
    expect(stderr).toContain('load: dishonest is')
  })

  it.each([
    ['http://203.0.113.7/', '203.0.113.7 is neither a loopback nor a private address'],
    ['http://[2001:db8::1]:3000/', '2001:db8::1 is neither'],
    ['http://[::ffff:203.0.113.7]/', 'is neither'],
    ['http://no-such-host.invalid/', 'The host no-such-host.invalid cannot be resolved'],
    ['ftp://localhost/', "Expected a URL such as http://localhost:3000/search, got 'ftp://localhost/'"],
    ['localhost:3000', 'Expected a URL'],
  ])('refuses %s', async (url, sentence) => {
    const { code, stderr } = await sluice(['load', url, '--for', '1s'])
    expect(stderr).toContain(sentence)
    expect(code).toBe(2)
  })

  it.each([
    [['--rps', '0'], '--rps: expected a whole number'],
    [['--for', 'long'], '--for: expected a time'],
    [['--behave', 'badly'], '--behave: expected polite or hammer'],
    [['--as', 'x-api-key: me'], '--as: expected a value with {client}'],
    [['--header', 'nothing'], '--header: expected a header'],
    [['--header', 'x: a\u0001b'], '--header: the value of x has characters'],
    [['--method', 'GE T'], '--method: expected a method of HTTP'],
  ])('says what is wrong with %j', async (options, sentence) => {
    const { code, stderr } = await sluice(['load', 'http://localhost:1/', ...options])
    expect(stderr).toContain(sentence)
    expect(code).toBe(2)
  })
})
