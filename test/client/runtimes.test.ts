import { afterEach, describe, expect, it } from 'vitest'
import { runWithoutNode } from '../without-node.ts'
import { inOrder, type Noted, noted } from './servers.ts'

let server: Noted
afterEach(() => server.stop())

const program = (url: string) => `
  import { createClient, createFetch, parseRateLimit, watchOutbound } from '@sluice/client'

  const api = createFetch({ limits: '100/s', concurrency: 2, deadlineMs: 10_000, breaker: {}, throttle: true, coalesce: true })
  const retries = []
  api.on('retry', ({ status }) => retries.push(status))
  const text = await (await api('${url}/')).text()
  const value = await createClient().execute(({ attempt }) => attempt)
  let refused = ''
  try {
    watchOutbound(() => {})
  } catch (error) {
    refused = error.message
  }
  console.log(JSON.stringify({
    text, value, retries, refused,
    limits: parseRateLimit({ ratelimit: '"a";r=1;t=2' }).limits.length,
    inside: api.state()[0].inside,
    node: typeof process + typeof Buffer + typeof setImmediate,
  }))
`

describe('a runtime without Node’s modules', () => {
  it('has a client, bundled for browsers, that retries and reads limits', async () => {
    server = await noted(inOrder([503, { 'retry-after-ms': '20' }], [200]))
    expect(await runWithoutNode('client-runtimes', program(server.url))).toEqual({
      text: 'ok',
      value: 1,
      retries: [503],
      refused: 'watchOutbound(): this runtime has no diagnostics channels; it needs Node.js.',
      limits: 1,
      inside: 0,
      node: 'undefinedundefinedundefined',
    })
  })
})
