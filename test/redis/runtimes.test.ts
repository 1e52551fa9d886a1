import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { runWithoutNode } from '../without-node.ts'
import { aPrefix } from './stores.ts'
import { startUpstash, type UpstashServer } from './upstash-server.ts'

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

describe('a runtime without Node’s modules', () => {
  let upstash: UpstashServer
  beforeAll(async () => {
    upstash = await startUpstash(inject('redisUrl'))
  })
  afterAll(() => upstash.stop())

  it('bundles core and the Upstash store for browsers, and decides', async () => {
    expect(await runWithoutNode('runtimes', program(upstash.url, upstash.token))).toEqual({
      seen: [true, true, true, true, false, false],
      refused: expect.stringContaining('Import upstashStore from it and give store: upstashStore(…)'),
      node: 'undefinedundefinedundefined',
    })
  })
})
