import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { Folder, sluice, sluiceProcess } from './cli.js'

const examples = fileURLToPath(new URL('../../examples/simulate/', import.meta.url))
const document = `${examples}openapi.yaml`
const config = `${examples}sluice.config.yaml`
const root = fileURLToPath(new URL('../../', import.meta.url))

/** An app in a file, which can import what this repository has. */
function appIn(folder: Folder, code: string): string {
  return folder.write(
    'app.mjs',
    code.replaceAll(/from '(@?[\w/-]+)'/g, (_, name: string) => `from '${import.meta.resolve(name)}'`),
  )
}

const APPS = {
  express: `
    import { sluice } from '@sluice/express'
    import express from 'express'
    export const app = express()
    const limit = sluice()
    app.post('/login', limit('5/15min', { name: 'login' }), (_req, res) => res.sendStatus(200))
    app.get('/items/:id', limit(['10/s', '100/min'], { name: 'items' }), (_req, res) => res.json({}))
    app.listen(0)`,
  koa: `
    import { sluice } from '@sluice/koa'
    import Router from '@koa/router'
    import Koa from 'koa'
    const limit = sluice()
    const router = new Router()
    router.post('/login', limit('5/15min', { name: 'login' }), (ctx) => { ctx.status = 200 })
    router.get('/items/:id', limit(['10/s', '100/min'], { name: 'items' }), (ctx) => { ctx.body = {} })
    export const app = new Koa().use(router.routes())`,
  fastify: `
    import { sluice } from '@sluice/fastify'
    import Fastify from 'fastify'
    const limit = sluice()
    const app = Fastify()
    app.post('/login', { onRequest: limit('5/15min', { name: 'login' }) }, async () => 'ok')
    app.get('/items/:id', { onRequest: limit(['10/s', '100/min'], { name: 'items' }) }, async () => ({}))
    export default app`,
}

describe('sluice docs openapi', () => {
  it('adds the limits of a configuration, keeps what people wrote, and is idempotent', async () => {
    using folder = new Folder()
    const once = await sluice(['docs', 'openapi', '--in', document, '--config', config, '--route', '*=api'])
    expect(once).toMatchObject({ code: 0, stderr: '' })
    expect(once.stdout).toContain("'**Rate limit:** 10 requests per 15 minutes for each client address.'")
    expect(once.stdout).toContain('- { name: q, in: query, schema: { type: string } }')
    const file = folder.write('openapi.yaml', once.stdout)
    const twice = await sluice(['docs', 'openapi', '--in', file, '--config', config, '--route', '*=api', '--out', file])
    expect(twice).toEqual({ code: 0, stdout: '', stderr: `${file}: 3 of 3 operations limited.\n` })
    expect(readFileSync(file, 'utf8')).toBe(once.stdout)
  })

  it('says by --check where a document is not up to date, with code 3', async () => {
    using folder = new Folder()
    const options = ['--config', config, '--route', '*=api']
    const before = await sluice(['docs', 'openapi', '--in', document, ...options, '--check'])
    expect(before.code).toBe(3)
    expect(before.stderr).toContain('POST /login, x-ratelimit: missing')
    const { stdout } = await sluice(['docs', 'openapi', '--in', document, ...options])
    const file = folder.write('openapi.yaml', stdout)
    expect(await sluice(['docs', 'openapi', '--in', file, ...options, '--check'])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
    const drifted = folder.write('drifted.yaml', stdout.replace('quota: 10\n', 'quota: 11\n'))
    expect(await sluice(['docs', 'openapi', '--in', drifted, ...options, '--check'])).toMatchObject({ code: 3 })
  })

  it.each(Object.entries(APPS))('reads the limits of a running app of %s', async (_framework, code) => {
    using folder = new Folder()
    const {
      code: exit,
      stdout,
      stderr,
    } = await sluiceProcess([
      'docs',
      'openapi',
      '--in',
      document,
      '--app',
      appIn(folder, code),
      '--key',
      'items=account',
    ])
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    expect(stdout).toContain("'**Rate limit:** 5 requests per 15 minutes for each client address.'")
    expect(stdout).toContain('10 requests per second and 100 requests per minute for each account.')
    // What is not limited stays as it is.
    expect(/\/search:[\s\S]*?\/items/.exec(stdout)?.[0]).not.toContain('RateLimit')
  })

  it('compares an overlay that was written, by --check', async () => {
    using folder = new Folder()
    const file = `${folder.path}/limits.overlay.yaml`
    const overlay = ['docs', 'openapi', '--in', document, '--config', config, '--overlay', '--out', file]
    await sluice(overlay)
    expect(await sluice([...overlay, '--check'])).toEqual({ code: 0, stdout: '', stderr: '' })
    folder.write('limits.overlay.yaml', readFileSync(file, 'utf8').replace('quota: 10\n', 'quota: 11\n'))
    expect(await sluice([...overlay, '--check'])).toMatchObject({
      code: 3,
      stderr: `${file} is not up to date. Run the command without --check.\n`,
    })
  })

  it('takes --route in either order', async () => {
    const by = (route: string) => sluice(['docs', 'openapi', '--in', document, '--config', config, '--route', route])
    expect(await by('api=GET /search')).toEqual(await by('GET /search=api'))
  })

  it.each([
    ['never settles', 'await new Promise(() => {})'],
    ['ends the process', 'process.exit(0)'],
  ])('fails where the module of an app %s', async (_what, code) => {
    using folder = new Folder()
    const { code: exit, stderr } = await sluiceProcess([
      'docs',
      'openapi',
      '--in',
      document,
      '--app',
      folder.write('app.mjs', code),
      '--check',
    ])
    expect(exit).toBe(1)
    expect(stderr).toContain('The command did not end')
  })

  it('writes an overlay in YAML or JSON', async () => {
    const overlay = await sluice(['docs', 'openapi', '--in', document, '--config', config, '--overlay'])
    expect(overlay.stdout).toMatch(/^overlay: 1\.0\.0\n/)
    const json = await sluice(['docs', 'openapi', '--in', document, '--config', config, '--overlay', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ overlay: '1.0.0' })
  })
})

describe('sluice docs markdown', () => {
  it("writes a page for an API's customers", async () => {
    const { code, stdout } = await sluice([
      'docs',
      'markdown',
      '--in',
      document,
      '--config',
      config,
      '--title',
      'Limits of the tea shop',
      '--url',
      'https://tea.example/search',
    ])
    expect(code).toBe(0)
    expect(stdout).toContain('# Limits of the tea shop')
    expect(stdout).toContain('| `POST /login` | 10 requests per 15 minutes for each client address |')
    for (const part of ['Retry-After: 900', 'curl', 'https://tea.example/search', 'python'])
      expect(stdout).toContain(part)
  })

  it('needs no document', async () => {
    const { code, stdout } = await sluice(['docs', 'markdown', '--config', config])
    expect(code).toBe(0)
    expect(stdout).toContain('100 requests per minute')
  })
})

describe('sluice docs', () => {
  it.each([
    [['openapi'], "required option '--in <file>'"],
    [['openapi', '--in', '/nowhere.yaml'], '--in: there is no file /nowhere.yaml'],
    [['openapi', '--in', `${root}package.json`, '--config', config], 'package.json: expected openapi: 3.0, 3.1 or 3.2'],
    [['openapi', '--in', document, '--config', '/nowhere.yaml'], '/nowhere.yaml'],
    [
      ['openapi', '--in', document, '--config', config, '--route', 'POST /login'],
      "--route: expected a pair such as 'POST /login=login'",
    ],
    [['openapi', '--in', document, '--config', config, '--route', '*=apis'], 'apis'],
    [['openapi', '--in', document, '--app', '/nowhere.js'], '--app: /nowhere.js cannot be imported'],
    [['openapi', '--in', document, '--app', `${root}scripts/redis.mjs`], 'exports no app'],
  ])('says what is wrong with %j', async (args, sentence) => {
    const { code, stderr } = await sluiceProcess(['docs', ...args])
    expect(stderr).toContain(sentence)
    expect(stderr).not.toContain('    at ')
    expect(code).toBe(2)
  })
})
