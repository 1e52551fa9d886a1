import { request } from 'node:http'
import { createLimiter } from '@sluice/core'
import { dashboard } from '@sluice/dashboard'
import { sluice } from '@sluice/express'
import express from 'express'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type App, type AppOptions, apps, listening } from './apps.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function started(framework: string, options?: AppOptions): Promise<App> {
  const app = await (apps[framework] as (typeof apps)['Express'])?.(options)
  if (app === undefined) throw new Error(framework)
  ends.push(() => app.close())
  return app
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** A request made by hand: fetch sets some fields itself, and follows redirects. */
function asked(url: string, method = 'GET', headers: Record<string, string> = {}, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const ACTION = { 'content-type': 'application/json', 'x-sluice-action': '1' }

describe.each(Object.keys(apps))('the dashboard in %s', (framework) => {
  it('is open to this machine alone without auth, whatever a header says', async () => {
    const { page } = await started(framework)
    expect((await asked(page)).status).toBe(200)
    for (const headers of [
      { 'x-forwarded-for': '127.0.0.1' },
      { forwarded: 'for=127.0.0.1' },
      { 'x-real-ip': '127.0.0.1' },
      { via: '1.1 nginx' },
      { host: 'rebound.example.com' },
      { 'x-forwarded-proto': 'https' },
      { 'cf-connecting-ip': '127.0.0.1' },
    ] as Record<string, string>[]) {
      const { status, body } = await asked(page, 'GET', headers)
      expect([status, body]).toEqual([403, expect.stringContaining('The dashboard is open to this machine alone')])
    }
  })

  it('lets in whom auth lets in, and nobody where it throws, rejects or says something else', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    ends.push(() => warned.mockRestore())
    const answers: Record<string, () => unknown> = {
      ana: () => ({ role: 'act', name: 'ana' }),
      bob: () => 'view',
      eve: () => false,
      nobody: () => undefined,
      admin: () => 'admin',
      late: () => Promise.reject(new Error('no database')),
      odd: () => {
        throw undefined
      },
    }
    const auth = (req: { headers?: Record<string, string>; req?: { headers: Record<string, string> } }) =>
      answers[(req.headers ?? req.req?.headers)?.['x-user'] ?? 'nobody']?.()
    const { page } = await started(framework, { auth: auth as never })
    const statuses = await Promise.all(
      [...Object.keys(answers), 'unknown'].map(async (user) => [
        user,
        (await asked(`${page}api/me`, 'GET', { 'x-user': user, 'x-forwarded-for': '203.0.113.7', host: 'example.com' }))
          .status,
      ]),
    )
    expect(Object.fromEntries(statuses)).toEqual({
      ...{ ana: 200, bob: 200, eve: 403, nobody: 403, admin: 403, late: 403, odd: 403, unknown: 403 },
    })
  })

  it('does nothing for a viewer, nor for another site, nor without its field', async () => {
    const auth = (): 'view' => 'view'
    const viewed = await started(framework, { auth })
    const open = await started(framework)
    const body = JSON.stringify({ action: 'ban', limit: 'search', key: 'a' })
    const statusOf = async (url: string, headers: Record<string, string>, method = 'POST'): Promise<number> =>
      (await asked(`${url}api/act`, method, headers, method === 'GET' ? undefined : body)).status
    expect(await statusOf(viewed.page, ACTION)).toBe(403)
    expect(await statusOf(open.page, ACTION, 'GET')).toBe(405)
    expect(await statusOf(open.page, { ...ACTION, 'content-type': 'text/plain' })).toBe(415)
    expect(await statusOf(open.page, { 'content-type': 'application/json' })).toBe(403)
    expect(await statusOf(open.page, { ...ACTION, 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await statusOf(open.page, { ...ACTION, 'sec-fetch-site': 'same-site' })).toBe(403)
    expect(await statusOf(open.page, { ...ACTION, origin: 'https://evil.example.com' })).toBe(403)
    expect((await fetch(`${open.url}/search?k=a`)).status).toBe(200)
    expect(await statusOf(open.page, { ...ACTION, 'sec-fetch-site': 'same-origin' })).toBe(200)
    expect((await fetch(`${open.url}/search?k=a`)).status).toBe(429)
  })

  it('shows viewers no key', async () => {
    const auth = (): 'view' => 'view'
    const { url, page, flush } = await started(framework, { auth })
    for (let i = 0; i < 8; i++) await fetch(`${url}/search?k=secret-customer`)
    await flush()
    const paths = ['overview', 'policy?limit=search', 'quotas', 'config', 'audit', 'key?key=other-key&limit=search']
    for (const path of paths) {
      const { status, body } = await asked(`${page}api/${path}`)
      expect(status).toBe(200)
      expect(body).not.toContain('secret-customer')
    }
    expect((await asked(`${page}api/policy?limit=search`)).body).toMatch(
      /"topDenied":\[\{"key":"#[\w+/]{10}","count":3\}\]/,
    )
    expect((await asked(`${page}api/key?key=other-key&limit=search`)).body).not.toContain('other-key')
  })

  it('is neither limited nor counted, also behind a limit for all', async () => {
    const { url, page, flush } = await started(framework)
    for (let i = 0; i < 3; i++) {
      const { headers } = await asked(`${page}api/overview`)
      if (i > 0) expect(headers['ratelimit']).toBeUndefined()
    }
    await fetch(`${url}/search`)
    await flush()
    const { limits } = JSON.parse((await asked(`${page}api/overview`)).body)
    const all = limits.find(({ name }: { name: string }) => name === 'search-all')
    // In Express the path is known from its first visitor on.
    expect(all.allowed.at(-1) + all.allowed.at(-2)).toBe(framework === 'Express' ? 2 : 1)
    // Nothing that only looks like it.
    for (const path of ['/_sluice-not', '/_sluice/../search', '/_sluice%2f..%2fsearch']) {
      const { headers } = await asked(`${url}${path}`)
      expect([path, headers['ratelimit']]).toEqual([path, expect.any(String)])
    }
  })

  it('has a policy that lets nothing in, and says so in every answer', async () => {
    const { page } = await started(framework)
    for (const path of ['', 'api/me', 'nothing-here', 'api/nothing']) {
      const { headers } = await asked(page + path)
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'$/,
      )
      expect(headers['x-content-type-options']).toBe('nosniff')
    }
    expect((await asked(`${page}nothing-here`)).status).toBe(404)
    expect((await asked(`${page}api/nothing`)).status).toBe(404)
    expect((await asked(page, 'DELETE')).status).toBe(405)
  })

  it('sends its files packed, under names that never change what they mean', async () => {
    const { page } = await started(framework)
    const html = (await asked(page)).body
    const [script = ''] = /page-\w+\.js/.exec(html) ?? []
    const [style = ''] = /page-\w+\.css/.exec(html) ?? []
    let bytes = 0
    for (const name of ['', script, style]) {
      const { headers, status } = await asked(page + name, 'GET', { 'accept-encoding': 'gzip, br' })
      expect([status, headers['content-encoding']]).toEqual([200, 'br'])
      expect(headers['cache-control']).toBe(name === '' ? 'no-cache' : 'public, max-age=31536000, immutable')
      bytes += Number(headers['content-length'])
      const gzip = await fetch(page + name, { headers: { 'accept-encoding': 'gzip' } })
      expect(await gzip.text()).toBe((await asked(page + name)).body)
    }
    expect(bytes).toBeGreaterThan(10_000)
    expect(bytes).toBeLessThan(60_000)
  })

  it('leads to its path with a slash at the end, relative to where the browser is', async () => {
    const { page } = await started(framework)
    const { status, headers } = await asked(page.replace(/\/$/, '?x=1'))
    expect([status, headers['location']]).toEqual([308, '_sluice/?x=1'])
  })

  it('answers what is wrong with an action with a sentence, and takes none of it', async () => {
    const { page } = await started(framework)
    const answer = async (body: unknown): Promise<readonly [number, string]> => {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const { status, body: found } = await asked(`${page}api/act`, 'POST', ACTION, text)
      return [status, JSON.parse(found).error]
    }
    expect(await answer('{')).toEqual([400, 'The body is not JSON.'])
    expect(await answer([])).toEqual([400, 'The body is not a JSON object.'])
    expect(await answer({ action: 'toString', limit: 'search', key: 'a' })).toEqual([
      400,
      expect.stringContaining('reset, ban'),
    ])
    expect(await answer({ action: 'reset', limit: 'search', key: '' })).toEqual([
      400,
      'key: expected a text of 1 to 1,000 characters.',
    ])
    expect(await answer({ action: 'reset', limit: 'none', key: 'a' })).toEqual([404, 'There is no limit of this name.'])
    expect(await answer({ action: 'ban', limit: 'search', key: 'a', for: 'ages' })).toEqual([
      400,
      expect.stringContaining('expected a time'),
    ])
    expect(await answer({ action: 'override', limit: 'search', key: 'a', to: '5/mintue' })).toEqual([
      400,
      expect.stringContaining('5/mintue'),
    ])
    expect(await answer({ action: 'grant', limit: 'search', key: 'a', units: 5 })).toEqual([400, expect.any(String)])
    expect((await answer(`{"x":"${'x'.repeat(70_000)}"}`))[0]).toBe(413)
  })
})

describe('actions', () => {
  it('change the next real answer, and stand in the audit log of all servers', async () => {
    const { url, page } = await started('Express')
    const act = async (body: object): Promise<unknown> =>
      JSON.parse(
        (await asked(`${page}api/act`, 'POST', ACTION, JSON.stringify({ limit: 'search', key: 'a', ...body }))).body,
      )
    const status = async (): Promise<number> => (await fetch(`${url}/search?k=a`)).status
    for (let i = 0; i < 5; i++) await status()
    expect(await status()).toBe(429)
    expect(await act({ action: 'reset' })).toEqual({ before: 'search: 5 of 5', after: 'search: 0 of 5' })
    expect(await status()).toBe(200)
    await act({ action: 'ban', for: '1h' })
    expect(await status()).toBe(429)
    await act({ action: 'unban' })
    expect(await status()).toBe(200)
    expect(await act({ action: 'override', to: '1/min', reason: 'abuse' })).toEqual({
      before: 'no override',
      after: '1/min',
    })
    await status()
    expect(await status()).toBe(429)
    await act({ action: 'override', to: 'unlimited' })
    for (let i = 0; i < 9; i++) expect(await status()).toBe(200)
    await act({ action: 'override', to: '' })
    const { entries } = JSON.parse((await asked(`${page}api/audit`)).body)
    expect(entries.map(({ who, action, key }: Record<string, string>) => [who, action, key])).toEqual(
      ['override', 'override', 'override', 'unban', 'ban', 'reset'].map((action) => ['localhost', action, 'a']),
    )
  })
})

describe('without auth', () => {
  it('is closed in production, where a proxy that says nothing of itself may stand in front', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    ends.push(() => vi.unstubAllEnvs())
    const { page } = await started('Express')
    expect(await asked(page)).toMatchObject({ status: 403, body: expect.stringContaining('NODE_ENV=production') })
  })
})

describe('whoever guesses', () => {
  it('is not let in after thirty attempts in a minute, and slows nobody else down', async () => {
    const auth = (req: { headers: Record<string, string> }) =>
      req.headers['authorization'] === 'right' ? ('act' as const) : false
    const { page } = await started('Express', { auth: auth as never })
    const statusWith = async (authorization: string): Promise<number> =>
      (await asked(`${page}api/me`, 'GET', { authorization })).status
    const statuses: number[] = []
    for (let i = 0; i < 40; i++) statuses.push(await statusWith(`guess-${i}`))
    expect(statuses.filter((status) => status === 403)).toHaveLength(30)
    expect(statuses.at(-1)).toBe(429)
    // A right one among them is not found out.
    expect(await statusWith('right')).toBe(429)
  })

  it('does not shut out those who were let in before, from the same address', async () => {
    const auth = (req: { headers: Record<string, string> }) =>
      req.headers['authorization'] === 'right' ? ('act' as const) : false
    const { page } = await started('Express', { auth: auth as never })
    const statusWith = async (authorization: string): Promise<number> =>
      (await asked(`${page}api/me`, 'GET', { authorization })).status
    expect(await statusWith('right')).toBe(200)
    for (let i = 0; i < 40; i++) await statusWith(`guess-${i}`)
    expect(await statusWith('guess-41')).toBe(429)
    expect(await statusWith('right')).toBe(200)
  })

  it('finds no way around the limits of other routes', async () => {
    const limit = sluice()
    const view = dashboard(limit, { auth: () => 'view' })
    const app = express()
    app.use(limit('3/min', { name: 'all' }))
    app.post('/:tenant/login', (_req, res) => void res.end('in'))
    app.use('/:team', view)
    const { url, close } = await listening(app)
    ends.push(close, () => view.close())
    await asked(`${url}/acme/api/me`)
    const statuses: number[] = []
    for (let i = 0; i < 5; i++) statuses.push((await asked(`${url}/acme/login`, 'POST')).status)
    expect(statuses).toEqual([200, 200, 429, 429, 429])
  })
})

describe('what cannot be right', () => {
  it('is an error at once', () => {
    const limiter = createLimiter({ policies: '1/s' })
    expect(() => dashboard({})).toThrow('dashboard(): expected the limit that sluice() returned, or a limiter')
    expect(() => dashboard([])).toThrow('dashboard(): needs at least one limit')
    expect(() => dashboard(undefined as never)).toThrow('expected the limit that sluice() returned')
    expect(() => dashboard(sluice()('1/s'))).toThrow('got a middleware that limit() made. Pass limit itself')
    expect(() => dashboard(limiter).koa('_sluice')).toThrow("as in koa('/_sluice')")
    expect(() => dashboard(limiter, { auth: 'admin' as never })).toThrow(
      "auth: expected a function that returns 'view'",
    )
    expect(() => dashboard(limiter, { path: '/x' } as never)).toThrow('path')
  })

  it('in a body that a parser has read is still read', async () => {
    const limiter = createLimiter({ name: 'jobs', policies: '1/min' })
    const page = dashboard(limiter)
    const app = express()
    app.use(express.json())
    app.use('/_sluice', page)
    const { url, close } = await listening(app)
    ends.push(close, () => page.close())
    limiter.consume('a')
    const answer = await asked(`${url}/_sluice/api/act`, 'POST', ACTION, '{"action":"reset","limit":"jobs","key":"a"}')
    expect(answer.status).toBe(200)
    expect(limiter.consume('a').allowed).toBe(true)
  })
})
