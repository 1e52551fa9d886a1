import { describe, expect, it } from 'vitest'
import { ATTACKERS, combinedLine, Folder, type Line, plantedDay, START, sluice } from './cli.js'

interface Suggestion {
  readonly routes: readonly {
    readonly route: string
    readonly keys: number
    readonly perMinute: number
    readonly burst: number
    readonly perDay: number
    readonly peaks: readonly {
      readonly window: string
      readonly p50: number
      readonly p999: number
      readonly max: number
    }[]
    readonly excluded: readonly { readonly key: string; readonly reason: string }[]
  }[]
  readonly routesLeftOut: readonly string[]
  readonly config: string
  readonly verified: readonly { readonly route: string; readonly keysDenied: number }[]
}

const LOG = plantedDay().map(combinedLine).join('\n')

async function suggest(log: string, ...options: readonly string[]): Promise<Suggestion> {
  using folder = new Folder()
  const { stdout, stderr } = await sluice([
    'simulate',
    folder.write('access.log', log),
    '--suggest',
    '--json',
    ...options,
  ])
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Suggestion
}

describe('sluice simulate --suggest', () => {
  it('leaves out what looks like abuse, and says why', async () => {
    const [all] = (await suggest(LOG)).routes
    expect(all?.route).toBe('all requests')
    expect(Object.fromEntries(all?.excluded.map(({ key, reason }) => [key, reason]) ?? [])).toEqual({
      '198.51.100.1': 'refused',
      '198.51.100.2': 'outlier',
      '198.51.100.3': 'outlier',
    })
  })

  it('leaves out scanners that name themselves, though they ask for little', async () => {
    const scan = [0, 1, 2].map((i) =>
      combinedLine({ at: START + i, ip: '203.0.113.9', agent: 'Mozilla/5.0 sqlmap/1.8' }),
    )
    const [all] = (await suggest(`${scan.join('\n')}\n${LOG}`)).routes
    expect(all?.excluded).toContainEqual(expect.objectContaining({ key: '203.0.113.9', reason: 'tool' }))
  })

  it('proposes what denies the attackers, and nobody else, of the same log', async () => {
    const { routes, verified } = await suggest(LOG)
    expect(routes.map(({ route }) => route)).toEqual(['all requests', 'GET /items/:id', 'GET /search', 'GET /'])
    expect(Object.fromEntries(verified.map(({ route, keysDenied }) => [route, keysDenied]))).toEqual({
      'all requests': ATTACKERS.length,
      'GET /items/:id': 1,
      'GET /search': 1,
      'GET /': 0,
    })
  })

  it('proposes half as much again as legitimate keys did at most, in numbers that people write', async () => {
    const [all] = (await suggest(LOG)).routes
    const minute = all?.peaks.find(({ window }) => window === '1 min')
    expect(minute?.max).toBeLessThan(20)
    expect(all?.perMinute).toBeGreaterThanOrEqual((minute?.p999 ?? 0) * 1.5)
    expect([10, 15, 20, 30]).toContain(all?.perMinute)
    expect(all?.burst).toBeLessThanOrEqual(all?.perMinute ?? 0)
  })

  it('prints lines that a configuration takes', async () => {
    using folder = new Folder()
    const { config } = await suggest(LOG)
    const file = folder.write('sluice.config.yaml', config)
    const { code, stdout, stderr } = await sluice(
      ['simulate', '-', '--config', file, '--route', 'GET /search=GET /search', '--json'],
      LOG,
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { limits } = JSON.parse(stdout) as { limits: readonly { name: string; keysDenied: number }[] }
    // Those that are named like routes cover their routes.
    expect(limits.map(({ name, keysDenied }) => [name, keysDenied])).toEqual([
      ['default', 3],
      ['GET /items/:id', 1],
      ['GET /search', 1],
      ['GET /', 0],
    ])
  })

  it('goes by the routes of an OpenAPI file', async () => {
    using folder = new Folder()
    const file = folder.write(
      'api.json',
      JSON.stringify({ openapi: '3.1.0', paths: { '/items/{item}': { get: {} }, '/search': { get: {} } } }),
    )
    const { routes } = await suggest(LOG, '--openapi', file)
    expect(routes.map(({ route }) => route)).toEqual(['all requests', 'GET /items/{item}', 'GET /search'])
  })

  it('refuses logs of fewer than 200 keys, or less than a day', async () => {
    const users = (count: number, spanMs: number): string => {
      const lines: Line[] = Array.from({ length: count }, (_, i) => ({
        at: START + (i * spanMs) / (count - 1),
        ip: `10.0.${i >> 8}.${i & 255}`,
      }))
      return lines.map(combinedLine).join('\n')
    }
    const refused = async (log: string) => (await sluice(['simulate', '-', '--suggest'], log)).stderr
    expect(await refused(users(199, 90_000_000))).toContain('not enough data: 199 keys, but a proposal needs 200')
    expect(await refused(users(300, 80_000_000))).toContain(
      'not enough data: the logs cover 22 h 13 min, but a proposal needs a day',
    )
    expect(await refused(users(200, 86_400_000))).toBe('')
  })

  it('shows tables, also in Markdown', async () => {
    using folder = new Folder()
    const file = folder.write('access.log', LOG)
    const text = (await sluice(['simulate', file, '--suggest'])).stdout
    expect(text).toContain('Nothing is proposed for 1 route with fewer than 200 keys: POST /login')
    expect(text).toContain('198.51.100.1     2,000    2,000')
    expect(text).toContain('Lines for sluice.config.yaml\n\nlimits:\n  "default": [{ tokenBucket:')
    const markdown = (await sluice(['simulate', file, '--suggest', '--markdown'])).stdout
    expect(markdown).toContain('```yaml\nlimits:\n')
  })

  it('goes without limits', async () => {
    expect(await sluice(['simulate', '-', '--suggest', '--limit', '5/min'], LOG)).toMatchObject({ code: 2 })
  })
})
