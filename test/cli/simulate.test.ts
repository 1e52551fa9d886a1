import { sluice as express, memoryStore } from '@sluice/express'
import app from 'express'
import supertest from 'supertest'
import { describe, expect, it } from 'vitest'
import { ATTACKERS, combinedLine, Folder, jsonLine, type Line, plantedDay, randomFrom, START, sluice } from './cli.js'

interface Result {
  readonly entries: number
  readonly resolution: string
  readonly notes: readonly string[]
  readonly limits: readonly {
    readonly name: string
    readonly allowed: number
    readonly denied: number
    readonly deniedBetween: readonly [number, number] | null
    readonly keys: number
    readonly keysDenied: number
    readonly succeeded: number
    readonly succeededShare: number
    readonly longestBlock: { readonly key: string; readonly ms: number } | null
    readonly peak: { readonly key: string; readonly units: number; readonly admitted: number } | null
    readonly topKeys: readonly {
      readonly key: string
      readonly denied: number
      readonly succeeded: number
      readonly line: readonly number[]
    }[]
    readonly timeline: {
      readonly widthMs: number
      readonly allowed: readonly number[]
      readonly denied: readonly number[]
    }
    readonly curve: {
      readonly points: readonly { readonly quota: number; readonly denied: number; readonly keys: number }[]
    } | null
    readonly retries: { readonly sent: number; readonly allowed: number; readonly abandoned: number } | null
  }[]
}

async function simulate(lines: readonly Line[], ...options: readonly string[]): Promise<Result> {
  const { stdout, stderr } = await sluice(['simulate', '-', '--json', ...options], lines.map(jsonLine).join('\n'))
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Result
}

/** Requests of one key at these milliseconds. */
function at(...times: readonly number[]): readonly Line[] {
  return times.map((ms) => ({ at: START + ms }))
}

describe('sluice simulate', () => {
  it('finds the planted attackers, and only them', async () => {
    const { limits, entries } = await simulate(plantedDay(), '--limit', '100/min')
    const [limit] = limits
    expect(limit?.topKeys.map(({ key }) => key).sort()).toEqual(ATTACKERS)
    expect(limit).toMatchObject({ keys: 303, keysDenied: 3, allowed: entries - (limit?.denied ?? 0) })
    // Of the one who guessed passwords nothing had succeeded, of the others everything.
    const succeeded = Object.fromEntries(limit?.topKeys.map((key) => [key.key, key.succeeded === key.denied]) ?? [])
    expect(succeeded).toEqual({ '198.51.100.1': false, '198.51.100.2': true, '198.51.100.3': true })
    expect(limit?.topKeys.find(({ key }) => key === '198.51.100.1')?.succeeded).toBe(0)
  })

  it('decides as a server does that gets the same traffic', { timeout: 60_000 }, async () => {
    const random = randomFrom(5)
    const lines: Line[] = []
    let now = START
    for (let i = 0; i < 1_500; i++) {
      now += Math.floor(random() * 400)
      const path = ['/search', '/items/7', '/login'][Math.floor(random() * 3)] ?? '/'
      lines.push({ at: now, ip: `192.0.2.${Math.floor(random() * random() * 6)}`, path })
    }
    const server = app()
    server.set('trust proxy', 'loopback')
    const limit = express({ store: memoryStore({ clock: () => now }) })
    const answer: app.RequestHandler = (_request, response) => void response.sendStatus(200)
    server.get('/search', limit(['20/min', '60/10min'], { name: 'search' }), answer)
    server.get('/items/:id', limit('15/min', { name: 'items' }), answer)
    server.get('/login', limit('5/15min', { name: 'login' }), answer)
    const listening = server.listen(0)
    const denied: Record<string, number> = {}
    const client = supertest(listening)
    for (const line of lines) {
      now = line.at
      const { status } = await client.get(line.path ?? '/').set('x-forwarded-for', line.ip ?? '')
      if (status === 429) denied[line.path ?? ''] = (denied[line.path ?? ''] ?? 0) + 1
    }
    listening.close()
    const simulated = await simulate(
      lines,
      ...['--limit', '/search: 20/min, 60/10min', '--limit', 'GET /items/:id: 15/min', '--limit', 'login: 5/15min'],
      ...['--route', 'login=/login'],
    )
    const byName = Object.fromEntries(simulated.limits.map((one) => [one.name, one.denied]))
    expect(byName).toEqual({
      '/search': denied['/search'],
      'GET /items/:id': denied['/items/7'],
      login: denied['/login'],
    })
    expect(Object.values(denied).every((count) => count > 50)).toBe(true)
  })

  it('goes by the time of the log', async () => {
    const { limits } = await simulate(at(0, 1, 59_999, 60_000, 60_001), '--limit', '2/min')
    // Exact windows: the third is denied, the fourth is a minute behind the first.
    expect(limits[0]).toMatchObject({ allowed: 4, denied: 1 })
  })

  it('says how long a key was blocked, and how much it asked for and got', async () => {
    const burst = Array.from({ length: 30 }, (_, i) => i * 1_000)
    const { limits } = await simulate(at(...burst), '--limit', '10/min')
    expect(limits[0]).toMatchObject({
      denied: 20,
      // From the first denial until a minute after the first request.
      longestBlock: { key: '192.0.2.1', ms: 50_000 },
      peak: { units: 30, admitted: 10 },
    })
  })

  it('keeps parts of a log apart by their routes', async () => {
    const lines: Line[] = [
      '/login',
      '/login/',
      '/LOGIN',
      '/users/1',
      '/users/2',
      '/users/2/posts',
      '/v1/a/b',
      '/v1',
    ].map((path, i) => ({ at: START + i, path }))
    const { limits } = await simulate(
      lines,
      ...[
        '--limit',
        '/login: 1/min',
        '--limit',
        '/users/{id}: 1/min',
        '--limit',
        '/v1/*: 1/min',
        '--limit',
        'POST /login: 1/min',
      ],
    )
    expect(limits.map(({ name, allowed, denied }) => [name, allowed + denied])).toEqual([
      ['/login', 2],
      ['/users/{id}', 2],
      ['/v1/*', 2],
      ['POST /login', 0],
    ])
  })

  it('takes routes from an OpenAPI file for limits that are named as its operations', async () => {
    using folder = new Folder()
    const file = folder.write(
      'api.yaml',
      'openapi: 3.1.0\nservers: [{ url: https://a.example/v1 }]\npaths:\n  /users/{id}:\n    get: { operationId: getUser }\n',
    )
    const lines: Line[] = ['/v1/users/1', '/v1/users/2', '/users/1'].map((path, i) => ({ at: START + i, path }))
    const { limits } = await simulate(lines, '--limit', 'getUser: 1/min', '--openapi', file)
    expect(limits[0]).toMatchObject({ allowed: 1, denied: 1 })
  })

  it('counts clients by address prefix as servers do, or by any other', async () => {
    const lines: Line[] = [
      '192.0.2.1',
      '192.0.2.2',
      '::ffff:192.0.2.1',
      '2001:db8:0:1::1',
      '2001:db8:0:1::2',
      '2001:db8:0:2::1',
    ].map((ip, i) => ({ at: START + i, ip }))
    const keys = async (key: string) => (await simulate(lines, '--limit', '10/min', '--key', key)).limits[0]?.keys
    expect(await keys('ip')).toBe(4)
    expect(await keys('ip/24')).toBe(3)
    expect(await keys('ip/48')).toBe(3)
    expect(await keys('route')).toBe(1)
  })

  it('takes costs from a field', async () => {
    const lines = [3, 3, 3, 'x'].map((tokens, i) =>
      JSON.stringify({ time: START + i, ip: '192.0.2.1', method: 'GET', path: '/', status: 200, tokens }),
    )
    const { stdout } = await sluice(
      ['simulate', '-', '--json', '--limit', '7/min', '--cost', 'field:tokens'],
      lines.join('\n'),
    )
    expect((JSON.parse(stdout) as Result).limits[0]).toMatchObject({ allowed: 3, denied: 1 })
  })

  it('counts bytes beyond what 32 bits hold', async () => {
    const lines = [1, 2, 3].map((i) =>
      JSON.stringify({ time: START + i, ip: '192.0.2.1', path: '/', bytes: 3_000_000_000 }),
    )
    const { stdout } = await sluice(
      ['simulate', '-', '--json', '--limit', '6GB/hour', '--cost', 'bytes'],
      lines.join('\n'),
    )
    expect((JSON.parse(stdout) as Result).limits[0]).toMatchObject({
      allowed: 2,
      denied: 1,
      peak: { units: 9_000_000_000, admitted: 6_000_000_000 },
    })
  })

  it('takes limits, keys, plans, refunds and lists from a configuration file', async () => {
    using folder = new Folder()
    const config = folder.write(
      'sluice.config.yaml',
      [
        'defaults: { key: header:x-api-key }',
        'plans: { free: 2/min, pro: 5/min }',
        'limits:',
        '  api: { plan: header:x-plan }',
        '  login: { policies: 3/15min, key: ip, refund: successful, block: [198.51.100.0/24], ban: { after: 2, within: 1min, for: 1h } }',
      ].join('\n'),
    )
    const line = (i: number, key: string, plan: string, status: number, ip: string) =>
      JSON.stringify({
        time: START + i,
        ip,
        method: 'POST',
        path: '/',
        status,
        headers: { 'x-api-key': key, 'x-plan': plan },
      })
    const lines = Array.from({ length: 6 }, (_, i) => [
      line(2 * i, 'a', 'free', 200, '192.0.2.1'),
      line(2 * i + 1, 'b', 'pro', 401, '192.0.2.2'),
    ]).flat()
    lines.push(line(20, '', 'free', 200, '198.51.100.7'))
    const { stdout, stderr } = await sluice(['simulate', '-', '--json', '--config', config], lines.join('\n'))
    expect(stderr).toBe('')
    const { limits, notes } = JSON.parse(stdout) as Result & {
      readonly limits: readonly { readonly unkeyed: number }[]
    }
    // Four of `a` and one of `b`, and the last has no key; of those who failed three pass, and one client is blocked.
    expect(limits).toMatchObject([
      { name: 'api', denied: 5, unkeyed: 1 },
      { name: 'login', denied: 4, keysDenied: 2 },
    ])
    expect(notes.join()).toContain('login: bans are not simulated')
  })

  it('shows keys that may be secrets by a digest, unless it is asked to show them', async () => {
    const lines = [0, 1].map((i) =>
      JSON.stringify({
        time: START + i,
        ip: '192.0.2.1',
        path: '/',
        headers: { 'x-api-key': 'sk-live-secret-0123456789' },
      }),
    )
    const shown = async (...options: readonly string[]) =>
      (await sluice(['simulate', '-', '--limit', '1/min', '--key', 'header:x-api-key', ...options], lines.join('\n')))
        .stdout
    expect(await shown()).toContain('sk-l…')
    expect(await shown()).not.toContain('secret')
    expect(await shown('--json')).not.toContain('secret')
    expect(await shown('--show-keys')).toContain('sk-live-secret-0123456789')
  })

  it('reports the best and the worst case where a log has whole seconds', async () => {
    // Twenty requests in each second, at most two of them denied if they were spread over it.
    const lines = Array.from({ length: 200 }, (_, i) => combinedLine({ at: START + i * 50 }))
    const { stdout } = await sluice(
      ['simulate', '-', '--json', '--limit', '20/s burst 10', '--limit', '1000/min'],
      lines.join('\n'),
    )
    const { limits, resolution, notes } = JSON.parse(stdout) as Result
    expect(resolution).toBe('seconds')
    expect(limits[0]?.deniedBetween?.[0]).toBe(0)
    expect(limits[0]?.deniedBetween?.[1]).toBeGreaterThan(80)
    expect(limits[1]?.deniedBetween).toBeNull()
    expect(notes.join()).toContain('whole seconds')
  })

  it('knows the best case also where only some of the logs have whole seconds', async () => {
    using folder = new Folder()
    const exact = at(...Array.from({ length: 100 }, (_, i) => i))
      .map(jsonLine)
      .join('\n')
    const coarse = at(7_200_000, 7_201_000).map(combinedLine).join('\n')
    const files = [folder.write('exact.jsonl', exact), folder.write('coarse.log', coarse)]
    const { stdout } = await sluice(['simulate', ...files, '--limit', '5/10s', '--json'])
    // What has milliseconds is no better than it is.
    expect((JSON.parse(stdout) as Result).limits[0]?.deniedBetween).toEqual([95, 95])
  })

  it('lets denied clients come back, as they are told or every second', async () => {
    const burst = at(...Array.from({ length: 12 }, (_, i) => i))
    const retries = async (model: string) =>
      (await simulate(burst, '--limit', '10/10s', '--retries', model)).limits[0]?.retries
    expect(await retries('none')).toBeNull()
    // Of two that come back at the same time, one passes.
    expect(await retries('obey')).toEqual({ sent: 3, allowed: 2, abandoned: 0 })
    // After a second each, five times in vain.
    expect(await retries('hammer')).toEqual({ sent: 10, allowed: 0, abandoned: 2 })
  })

  it('draws what other quotas would have denied, close to what replays say', async () => {
    const lines = plantedDay()
    const { limits } = await simulate(lines, '--limit', '100/min')
    for (const quota of [20, 50, 200]) {
      const point = limits[0]?.curve?.points.reduce((one, other) =>
        Math.abs(other.quota - quota) < Math.abs(one.quota - quota) ? other : one,
      )
      const replayed = (await simulate(lines, '--limit', `${point?.quota}/min`)).limits[0]
      expect(Math.abs((point?.denied ?? 0) / (replayed?.denied ?? 1) - 1)).toBeLessThan(0.1)
      expect(point?.keys).toBe(replayed?.keysDenied)
    }
  })

  it('ends with code 3 where a condition of --fail-if holds', async () => {
    const log = at(0, 1, 2, 3).map(combinedLine).join('\n')
    const run = (...conditions: readonly string[]) =>
      sluice(['simulate', '-', '--limit', 'all: 2/min', ...conditions.flatMap((one) => ['--fail-if', one])], log)
    expect((await run('denied>50%')).code).toBe(0)
    expect(await run('denied>=50%', 'keys>1')).toMatchObject({
      code: 3,
      stderr: "all: denied is 50.000% (--fail-if 'denied>=50%')\n",
    })
    expect((await run('all:succeeded>1')).code).toBe(3)
    expect(await run('other:denied>1')).toMatchObject({ code: 2 })
    expect((await run('denied')).stderr).toContain("expected a condition such as 'denied>0.5%'")
  })

  it('says where a limit covers nothing, which fails every condition on it', async () => {
    const log = at(0, 1).map(combinedLine).join('\n')
    const ended = await sluice(['simulate', '-', '--limit', '/loginn: 2/min', '--fail-if', 'denied>50%'], log)
    expect(ended).toMatchObject({ code: 3, stderr: "/loginn: it covered no request (--fail-if 'denied>50%')\n" })
    expect(ended.stdout).toContain('- /loginn: it covered no request; see its route, key and plan.')
    expect((await sluice(['simulate', '-', '--limit', 'GTE /login: 2/min'], log)).stderr).toBe(
      "GTE is no method of HTTP, in the route 'GTE /login'.\n",
    )
  })

  it('says what the log lacks: keys, costs, headers and plans', async () => {
    using folder = new Folder()
    const log = at(0, 1).map(combinedLine).join('\n')
    const notes = async (...options: readonly string[]) => (await sluice(['simulate', '-', ...options], log)).stdout
    expect(await notes('--limit', '2/min', '--key', 'header:x-api-key')).toContain(
      'it covered no request that has its key',
    )
    expect(await notes('--limit', '2/min', '--cost', 'field:tokens')).toContain(
      '2 requests have no number in field:tokens, and cost 1',
    )
    const config = folder.write(
      'sluice.config.yaml',
      'plans: { free: 1/min }\nlimits: { api: { plan: header:x-plan } }',
    )
    const planned = await notes('--config', config)
    expect(planned).toContain('api: 2 requests are on no plan that there is, and were not limited')
    expect(planned).toContain('api: no line has the header x-plan, which the configuration reads')
  })

  it('prints a table, Markdown or JSON', async () => {
    const log = at(0, 1, 2).map(combinedLine).join('\n')
    const shown = async (...options: readonly string[]) =>
      (await sluice(['simulate', '-', '--limit', '2/min', ...options], log)).stdout
    const text = await shown()
    expect(text).toContain('standard input: combined, 3 requests\n2026-10-10 00:00:00 to 2026-10-10 00:00:00 UTC')
    expect(text).toMatch(/^2\/min +2 +1 +33\.3 % +1 of 1 +100\.0 %/m)
    expect(text).toContain('Denied clients are assumed to give up')
    expect(await shown('--markdown')).toContain('| 2/min | 2 | 1 | 33.3 % | 1 of 1 |')
  })

  it.each([
    { args: [], sentence: 'No limit was given' },
    { args: ['--limit', '5/mn'], sentence: '"5/mn" is not a limit. Expected COUNT/WINDOW' },
    { args: ['--limit', '5/min', '--key', 'header'], sentence: '--key' },
    { args: ['--limit', '5/min', '--key', 'ip/4'], sentence: '--key ip/<bits>' },
    { args: ['--limit', 'a: 5/min', '--route', 'b=/x'], sentence: '--route: no limit is named "b"' },
    { args: ['--limit', '5/min', '--limit', '5/min'], sentence: 'two limits are named "5/min"' },
    { args: ['--limit', '5/min', '--retries', 'maybe'], sentence: '--retries: expected none, obey or hammer' },
    { args: ['--limit', '5/min', '--format', 'combind'], sentence: "no format 'combind'. Did you mean 'combined'?" },
    { args: ['--limit', '5/min', '--format', '$remote_addr$status'], sentence: '--format' },
    { args: ['--limit', '5/min', '--from', 'yesterday'], sentence: '--from: expected a time' },
    { args: ['--limit', '5/min', '--from', '10'], sentence: '--from: expected a time' },
    { args: ['--suggest', '--algorithm', 'fixed-window'], sentence: '--suggest cannot be combined with --algorithm' },
    { args: ['--config', 'x.yaml', '--key', 'ip'], sentence: '--key goes with --limit' },
    { args: ['--limit', '5/min', '--from', '2030-01-01'], sentence: 'no requests from --from to --to' },
    { args: ['--limit', '5/min', '--top', '-1'], sentence: '--top' },
    { args: ['--limit', '5/min', '--algorithm', 'magic'], sentence: '--algorithm: expected one of' },
    { args: ['--limit', '5/min', '--limt'], sentence: 'Did you mean --limit?' },
    { args: ['--limit', '5/min', '--map', 'when=x'], sentence: '--map: expected a column' },
    { args: ['--config', '/nowhere/sluice.config.yaml'], sentence: '/nowhere/sluice.config.yaml' },
  ])('says what is wrong with $args', async ({ args, sentence }) => {
    const { code, stderr } = await sluice(['simulate', '-', ...args], combinedLine({ at: START }))
    expect(stderr).toContain(sentence)
    expect(stderr).not.toContain('    at ')
    expect(code).toBe(2)
  })
})
