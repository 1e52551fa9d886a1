import { describe, expect, it } from 'vitest'
import { combinedLine, Folder, type Line, plantedDay, START, sluice } from './cli.js'

async function compare(before: string, now: string, lines: readonly Line[], ...options: readonly string[]) {
  using folder = new Folder()
  const old = folder.write('old.config.yaml', before)
  const next = folder.write('new.config.yaml', now)
  return await sluice(['compare', old, next, '-', ...options], lines.map(combinedLine).join('\n'))
}

const LINES: readonly Line[] = [
  ...[0, 1, 2, 3].map((i) => ({ at: START + i, ip: '192.0.2.1', path: '/search', status: 200 })),
  ...[4, 5, 6].map((i) => ({ at: START + i, ip: '192.0.2.2', path: '/login', method: 'POST', status: 401 })),
]

describe('sluice compare', () => {
  it('says what flips from allowed to denied and back, by key, route and limit', async () => {
    const { code, stdout } = await compare('limits: { api: 3/min }', 'limits: { api: 2/min }', LINES, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      requests: 7,
      deniedBefore: 1,
      deniedNow: 3,
      newlyDenied: 2,
      newlyDeniedSucceeded: 1,
      newlyAllowed: 0,
      keysNewlyDenied: 2,
      limits: [{ name: 'api', before: { text: '3/min', denied: 1 }, now: { text: '2/min', denied: 3 } }],
      topKeys: [
        { name: '192.0.2.1', newlyDenied: 1 },
        { name: '192.0.2.2', newlyDenied: 1 },
      ],
      topRoutes: [
        { name: 'GET /search', newlyDenied: 1 },
        { name: 'POST /login', newlyDenied: 1 },
      ],
    })
    const back = await compare('limits: { api: 2/min }', 'limits: { api: 3/min }', LINES, '--json')
    expect(JSON.parse(back.stdout)).toMatchObject({ newlyDenied: 0, newlyAllowed: 2 })
  })

  it('knows limits that are only in one of them', async () => {
    const { stdout } = await compare(
      'limits: { api: 100/min }',
      'limits: { login: 1/min }',
      LINES,
      '--json',
      '--route',
      'login=POST /login',
    )
    expect(JSON.parse(stdout)).toMatchObject({
      newlyDenied: 2,
      limits: [
        { name: 'api', now: null },
        { name: 'login', before: null, now: { denied: 2 } },
      ],
    })
  })

  it('finds nothing between equals', async () => {
    const config = 'limits: { api: [100/min, { quota: 1000/day }] }'
    const { stdout } = await compare(config, config, plantedDay(), '--json')
    expect(JSON.parse(stdout)).toMatchObject({ newlyDenied: 0, newlyAllowed: 0, topKeys: [], topRoutes: [] })
  })

  it('prints tables, and ends with code 3 where a condition of --fail-if holds', async () => {
    const { code, stdout, stderr } = await compare(
      'limits: { api: 3/min }',
      'limits: { api: 2/min }',
      LINES,
      '--fail-if',
      'denied>20%',
    )
    expect(code).toBe(3)
    expect(stderr).toBe("comparison: newly denied is 28.571% (--fail-if 'denied>20%')\n")
    expect(stdout).toMatch(/^newly denied +2 +28\.6 %$/m)
    expect(stdout).toMatch(/^192\.0\.2\.1 +4 +1 +1 +0$/m)
    expect(
      (await compare('limits: { api: 3/min }', 'limits: { api: 2/min }', LINES, '--fail-if', 'denied>30%')).code,
    ).toBe(0)
  })

  it('prints no escape that a path holds', async () => {
    const lines = [0, 1, 2].map((i) => ({ at: START + i, path: '/\u001b[2J' }))
    const { stdout } = await compare('limits: { api: 3/min }', 'limits: { api: 2/min }', lines)
    expect(stdout).toContain('GET /\uFFFD[2J')
  })

  it('says where a configuration is wrong', async () => {
    const { code, stderr } = await compare('limits: { api: 3/min }', 'limits: { api: 2/mn }', LINES)
    expect(code).toBe(2)
    expect(stderr).toContain('new.config.yaml:1:16')
  })
})
