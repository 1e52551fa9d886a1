// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the file, not of JavaScript
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '@sluice/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config, ConfigRequest, ConfiguredLimitOptions } from './config.ts'
import type { ConfigFile } from './config-file.ts'
import { makeConfig } from './make-config.ts'
import { readModule } from './read-module.ts'

let folder: string
let count = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-module-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function read(text: string): Promise<Config> {
  const file = join(folder, `config-${count++}.mjs`)
  writeFileSync(file, text)
  return makeConfig(await readModule(file, false))
}

const core = JSON.stringify(new URL('../../core/dist/index.js', import.meta.url).href)
const request: ConfigRequest = { headers: { 'x-user': 'ann', 'x-plan': 'pro' }, ip: '203.0.113.7' }

describe('a module', () => {
  it.each([
    ['an object', "export default { store: 'memory:' }"],
    ['a function', "export default () => ({ store: 'memory:' })"],
    ['a promise', "export default Promise.resolve({ store: 'memory:' })"],
    ['a function that returns a promise', "export default async () => ({ store: 'memory:' })"],
    ['a compiled default export', "export default { __esModule: true, default: { store: 'memory:' } }"],
  ])('exports %s', async (_, text) => {
    expect(await read(text)).toEqual({ store: 'memory:' })
  })

  it('may hold functions where a file has sources', async () => {
    const { limits, ...config } = await read(`export default {
      defaults: { skip: () => false, response: () => undefined, refund: (status) => status < 300, cost: () => 2 },
      plans: { pro: '5/s' },
      limits: {
        a: { policies: [{ fixedWindow: '5/s', key: () => 'own', cost: () => 3 }], key: (request) => request.headers['x-user'] },
        b: { plan: (request) => request.headers['x-plan'] },
        c: { plan: 'header:x-plan', key: ['header:x-user', 'ip'] },
      },
    }`)
    const [a, b, c] = Object.values(limits ?? {}) as ConfiguredLimitOptions[]
    expect(Object.keys(config).sort()).toEqual(['cost', 'plans', 'refund', 'response', 'skip'])
    expect(a?.key?.(request)).toBe('ann')
    expect(b?.plan?.(request)).toBe('pro')
    expect(c?.plan?.(request)).toBe('pro')
    expect(c?.key?.(request)).toBe('x-user:ann')
  })

  it('may hold policies that constructors made', async () => {
    const { limits } = await read(`import { tokenBucket } from ${core}
      export default { limits: {
        a: tokenBucket('10/s'),
        b: [tokenBucket('10/s'), '100/min'],
        c: { policies: { policy: tokenBucket('10/s'), name: 'own', key: 'header:x-user', cost: 2 } },
        d: { policies: [{ policy: '10/s', name: 'own' }] },
      } }`)
    expect(limits).toMatchObject({
      a: { policies: [{ algorithm: 'token-bucket' }] },
      b: { policies: [{ algorithm: 'token-bucket' }, { quota: 100 }] },
      c: { policies: [{ policy: { algorithm: 'token-bucket' }, name: 'own', cost: 2 }] },
      d: { policies: [{ policy: { quota: 10 }, name: 'own' }] },
    })
  })

  it('reads no variables: it has process.env', async () => {
    expect(await read("export default { store: '${A}' }")).toEqual({ store: '${A}' })
  })
})

describe('an error in a module', () => {
  it.each([
    ['export const a = 1', 'expected a default export, got none.'],
    ['export default 5', 'expected an object with store, defaults, plans and limits, got 5.'],
    ['export default null', 'expected an object with store, defaults, plans and limits, got nothing.'],
    [
      "export default { limits: { a: { policies: '5/s', cost: 'two' } } }",
      'limits.a.cost: expected a whole number of units ≥ 0, or a function of the request, got "two".',
    ],
    [
      "export default { limits: { a: { policies: '5/s', key: 5 } } }",
      "limits.a.key: expected 'ip' or 'header:<name>', or a list of them that are tried in order, or a function of the request, got 5.",
    ],
    [
      "export default { limits: { a: { policies: '5/s', refund: 'all' } } }",
      `limits.a.refund: expected 'successful', 'failed' or a function of the status, got "all".`,
    ],
    [
      "export default { limits: { a: { policies: '5/s', skip: true } } }",
      'limits.a.skip: expected a function, got true.',
    ],
    [
      "export default { limits: { a: () => '5/s' } }",
      "limits.a: expected a limit such as '5/15min', a policy, a list of them, or an object with policies or plan, got a function.",
    ],
    [
      "export default { limits: { a: { algorithm: 'x', address: 'y' } } }",
      `limits.a: policies: expected a limit such as '100/min' or a policy such as tokenBucket('10/s'), got an object.`,
    ],
    ["export default { limits: { a: '5/x' } }", /^limits\.a: "5\/x" is not a limit/],
    ["throw new Error('no\\nway')", 'expected a module that can be imported, got an error: no.'],
    ["export default () => { throw 'x' }", 'expected a module that can be imported, got an error: "x".'],
    [
      "export default () => Promise.reject(new Error('late'))",
      'expected a module that can be imported, got an error: late.',
    ],
    [
      "import './missing.mjs'; export default {}",
      /^expected a module that can be imported, got an error: Cannot find module/,
    ],
  ])('names file and path: %s', async (text, sentence) => {
    const error = await read(text).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigError)
    const { message } = error as ConfigError
    expect(message.startsWith(join(folder, `config-${count - 1}.mjs: `))).toBe(true)
    expect(message.slice(message.indexOf(': ') + 2)).toMatch(
      typeof sentence === 'string' ? new RegExp(`^${sentence.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`) : sentence,
    )
  })

  it('has what was thrown as its cause', async () => {
    await expect(read("throw new TypeError('why')")).rejects.toMatchObject({ cause: { message: 'why' } })
  })
})

describe('ConfigFile', () => {
  it('is the shape that is read', async () => {
    const file = {
      store: 'memory:',
      defaults: { key: ['header:x-user', 'ip'], warnAt: 0.8, instances: 2 },
      plans: { pro: ['5/s', { quota: '1k/month', anchor: 'monday', rollover: 5 }] },
      limits: {
        a: '5/15min',
        b: { tokenBucket: '10/s', burst: 5 },
        c: { policies: [{ leakyBucket: '10/s', queue: 1 }], key: ({ ip }) => ip ?? '', cost: () => 2 },
        d: { plan: 'header:x-plan' },
      },
    } satisfies ConfigFile
    expect(Object.keys(file.limits)).toHaveLength(4)
    // @ts-expect-error: a source of keys that there is not
    const wrong: ConfigFile = { defaults: { key: 'cookie:x' } }
    expect(wrong).toBeDefined()
  })
})
