import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { afterEach, describe, expect, it } from 'vitest'
import { inOrder, type Noted, noted } from './servers.ts'

let server: Noted
afterEach(() => server.stop())

const program = `
  import { createClient, createFetch, parseRateLimit, watchOutbound } from '@sluice/client'

  globalThis.result = (async () => {
    const api = createFetch({ limits: '100/s', concurrency: 2, deadlineMs: 10_000, breaker: {}, throttle: true, coalesce: true })
    const retries = []
    api.on('retry', ({ status }) => retries.push(status))
    const text = await (await api(address)).text()
    const value = await createClient().execute(({ attempt }) => attempt)
    let refused = ''
    try {
      watchOutbound(() => {})
    } catch (error) {
      refused = error.message
    }
    const limits = parseRateLimit({ ratelimit: '"a";r=1;t=2' }).limits.length
    return JSON.stringify({ text, value, retries, refused, limits, inside: api.state()[0].inside })
  })()
`

/** What browsers and edge runtimes have in common, and nothing of Node's. */
const web = {
  AbortController,
  AbortSignal,
  clearTimeout,
  crypto,
  DOMException,
  fetch,
  Headers,
  performance,
  queueMicrotask,
  ReadableStream,
  Request,
  Response,
  setTimeout,
  TextDecoder,
  TextEncoder,
  URL,
}

describe('a runtime without Node’s modules', () => {
  it('has a client, bundled for browsers, that retries and reads limits', async () => {
    server = await noted(inOrder([503, { 'retry-after-ms': '20' }], [200]))
    const { warnings, outputFiles, metafile } = await build({
      stdin: { contents: program, resolveDir: import.meta.dirname },
      write: false,
      bundle: true,
      platform: 'browser',
      format: 'iife',
      define: { 'import.meta.url': 'undefined' },
      metafile: true,
      logLevel: 'silent',
    })
    expect(warnings).toEqual([])
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
    const context = createContext({ ...web, address: `${server.url}/` })
    runInContext(outputFiles[0]?.text ?? '', context)
    expect(JSON.parse(await context['result'])).toEqual({
      text: 'ok',
      value: 1,
      retries: [503],
      refused: 'watchOutbound(): this runtime has no diagnostics channels; it needs Node.js.',
      limits: 1,
      inside: 0,
    })
  })
})
