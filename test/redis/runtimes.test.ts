import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { aPrefix } from './stores.ts'
import { startUpstash, type UpstashServer } from './upstash-server.ts'

const folder = fileURLToPath(new URL('../.generated/runtimes/', import.meta.url))

/** What a program on the edge would do, with nothing of Node's around it. */
const program = (url: string, token: string) => `
  import { createLimiter, fixedWindow, slidingLog } from '@sluice/core'
  import { clientKey } from '@sluice/core/http'
  import { upstashStore } from '@sluice/upstash'
  import { Redis } from '@upstash/redis'

  const redis = new Redis({ url: '${url}', token: '${token}', retry: false })
  const store = upstashStore(redis, { prefix: '${aPrefix()}' })
  const here = createLimiter({ policies: '2/min' })
  const shared = createLimiter({ policies: [fixedWindow('2/min'), slidingLog('5/h')], store, timeoutMs: 10_000 })
  const seen = []
  for (let i = 0; i < 3; i++) seen.push(here.consume(clientKey('203.0.113.7')).allowed, (await shared.consume('long '.repeat(99))).allowed)
  let refused = ''
  try {
    createLimiter({ policies: '1/s', store: 'upstash:' })
  } catch (error) {
    refused = error.message
  }
  console.log(JSON.stringify({ seen, refused, node: typeof process + typeof Buffer + typeof setImmediate }))
`

/** Deleted before the program is loaded: what browsers and edge runtimes do not have. */
const withoutNode = `
  const stop = process.exit
  for (const name of ['process', 'Buffer', 'setImmediate', 'clearImmediate', 'global']) delete globalThis[name]
  await import('./bundle.mjs')
  stop(0)
`

describe('a runtime without Node’s modules', () => {
  let upstash: UpstashServer
  beforeAll(async () => {
    upstash = await startUpstash(inject('redisUrl'))
  })
  afterAll(() => upstash.stop())

  it('bundles core and the Upstash store for browsers, and decides', async () => {
    await mkdir(folder, { recursive: true })
    await writeFile(`${folder}program.mjs`, program(upstash.url, upstash.token))
    const { warnings, metafile } = await build({
      entryPoints: [`${folder}program.mjs`],
      outfile: `${folder}bundle.mjs`,
      bundle: true,
      platform: 'browser',
      format: 'esm',
      metafile: true,
      logLevel: 'silent',
    })
    expect(warnings).toEqual([])
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
    await writeFile(`${folder}run.mjs`, withoutNode)
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [`${folder}run.mjs`])
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({
      seen: [true, true, true, true, false, false],
      refused: expect.stringContaining('Import upstashStore from it and give store: upstashStore(…)'),
      node: 'undefinedundefinedundefined',
    })
  })
})
