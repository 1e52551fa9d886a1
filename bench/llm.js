import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { inTurns, median } from './measure.js'

const ROUNDS = 7
const SECONDS = 2
const PORTKEY = '@portkey-ai/gateway@1.15.2'
const server = fileURLToPath(new URL('llm-server.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))

const ASK = {
  model: 'm',
  max_tokens: 60,
  messages: [{ role: 'user', content: 'Tell me about the harbour of a small town. '.repeat(4) }],
}

/** Calls a second through a proxy, with our limits and without them, through the example's gateway, and through Portkey's. */
export async function llm() {
  const rows = []
  for (const afterMs of [0, 50]) rows.push(...(await withServers((children) => calls(children, afterMs))))
  return [...rows, ...(await parts())]
}

async function calls(children, afterMs) {
  if (spawnSync('wrk', ['--version']).error !== undefined) {
    console.log('Needs wrk to make the load: apt-get install wrk')
    return []
  }
  const started = async (...of) => {
    const one = await start(...of)
    children.push(one.child)
    return one
  }
  const provider = await started('provider', String(afterMs))
  const running = {
    'bare proxy': await started('bare', provider.url),
    'proxy with llm()': await started('sluice', provider.url),
    'examples/llm-gateway': await started('gateway', provider.url),
    ...(await portkey(children)),
  }
  const rows = []
  for (const stream of [false, true]) {
    const script = scriptOf({ ...ASK, stream }, provider.url)
    const answering = {}
    for (const [name, one] of Object.entries(running)) {
      try {
        await load(one.url, 1, script)
        answering[name] = one
      } catch {
        console.log(`${name} fails with ${stream ? 'streams' : 'JSON'} here, and is left out.`)
      }
    }
    const seen = await inTurns(answering, ROUNDS, (one) => measured(one, script))
    for (const name of Object.keys(answering)) {
      const share = (of) =>
        Number(median(seen[name].map((one, round) => of(one, seen['bare proxy'][round]))).toFixed(3))
      rows.push({
        answers: `${stream ? 'streams of 30 words' : 'JSON'}, ${afterMs === 0 ? 'at once' : `after ${afterMs} ms`}`,
        through: name,
        'calls/s': Math.round(median(seen[name].map(({ rate }) => rate))),
        'of bare': share((one, bare) => one.rate / bare.rate),
        'CPU µs a call': Math.round(median(seen[name].map(({ cpuMicros }) => cpuMicros))) || '',
      })
    }
  }
  return rows
}

/** Runs what needs servers, and ends them whatever becomes of it. */
async function withServers(work) {
  const children = []
  try {
    return await work(children)
  } finally {
    for (const child of children) child.kill()
  }
}

/** Megabytes a second of what looks at texts and streams, without a server. */
async function parts() {
  const { textTokens } = await import('../packages/llm/dist/estimate/text-tokens.js')
  const { EventAnswer } = await import('../packages/llm/dist/response/event-answer.js')
  const { WholeEvents } = await import('../packages/llm/dist/response/whole-events.js')
  const { plainDecoder } = await import('../packages/llm/dist/response/decoder.js')
  const { openai } = await import('../packages/llm/dist/providers/openai.js')
  const event = (word) =>
    `data: ${JSON.stringify({ id: 'chatcmpl-ABCDEFGHIJKLMNOPQRSTUVWXYZ', object: 'chat.completion.chunk', created: 1_764_180_000, model: 'gpt-5-2025-08-07', service_tier: 'default', system_fingerprint: 'fp_a1b2c3d4e5', choices: [{ index: 0, delta: { content: word }, logprobs: null, finish_reason: null }], usage: null })}\n\n`
  const words = ' The quick brown fox jumps over the lazy dog'.split(' ').map((word) => ` ${word}`)
  const streams = [1, 8].map((size) =>
    Array.from({ length: 4_000 }, (_, i) =>
      Buffer.from(Array.from({ length: size }, (_one, j) => event(words[(i + j) % words.length])).join('')),
    ),
  )
  const tapped = (chunks, strips) => () => {
    const answer = new EventAnswer({ usage: openai.usage, answeredBy: openai.answeredBy, isOwn: false })
    const decoder = plainDecoder((text) => answer.read(text))
    const events = strips ? new WholeEvents(true) : undefined
    for (const bytes of chunks) {
      decoder.write(bytes)
      events?.push(bytes)
    }
    return chunks.reduce((sum, { length }) => sum + length, 0)
  }
  const prose = 'The train to the coast left twenty minutes late, and nobody seemed surprised. '.repeat(10_000)
  const estimated = (text) => () => textTokens(text) && Buffer.byteLength(text)
  const contenders = {
    'stream read, an event at once': tapped(streams[0], false),
    'stream read, eight events at once': tapped(streams[1], false),
    'the same, and usage taken out': tapped(streams[1], true),
    'estimate of prose': estimated(prose),
    'estimate of JSON': estimated(
      JSON.stringify(Array.from({ length: 10_000 }, (_, id) => ({ id, name: `n${id}`, on: true }))),
    ),
    'estimate of Chinese': estimated('火车晚点了二十分钟，车厢里没有人觉得奇怪。'.repeat(10_000)),
  }
  const seen = await inTurns(contenders, 15, (work) => {
    const start = performance.now()
    const bytes = work()
    return bytes / 1_000 / (performance.now() - start)
  })
  return Object.keys(contenders).map((what) => ({ answers: what, 'MB/s': Math.round(median(seen[what])) }))
}

/** Where npm can bring it. It is given the provider by a header. */
async function portkey(children) {
  const port = await freePort()
  const child = spawn('npx', ['--yes', PORTKEY, `--port=${port}`, '--headless'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  child.stdout.resume()
  child.stderr.resume()
  children.push({ kill: () => process.kill(-child.pid) })
  const url = `http://127.0.0.1:${port}`
  for (let waited = 0; waited < 120; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    if (child.exitCode !== null) break
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return { [PORTKEY]: { url } }
  }
  console.log(`${PORTKEY} does not run here.`)
  return {}
}

async function measured({ ask, url }, script) {
  const before = await ask?.()
  const rate = await load(url, SECONDS, script)
  const after = await ask?.()
  return { rate, cpuMicros: (after - before) / (rate * SECONDS) }
}

async function start(what, upstream = '') {
  const child = spawn(process.execPath, [server, what, upstream], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const [port] = await once(createInterface(child.stdout), 'line')
  const ask = async () => {
    child.send('cpu')
    const [answer] = await once(child, 'message')
    return answer
  }
  return { child, ask, url: `http://127.0.0.1:${port}` }
}

function scriptOf(body, provider) {
  const path = join(folder, `${body.stream}.lua`)
  const headers = {
    'content-type': 'application/json',
    authorization: 'Bearer key',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${provider}/v1`,
  }
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`)
  writeFileSync(path, ['wrk.method = "POST"', `wrk.body = [[${JSON.stringify(body)}]]`, ...lines].join('\n'))
  return path
}

async function load(url, seconds, script) {
  const wrk = spawn('wrk', ['-t1', '-c16', `-d${seconds}s`, '-s', script, `${url}/v1/chat/completions`])
  let report = ''
  wrk.stdout.on('data', (bytes) => {
    report += bytes
  })
  await once(wrk, 'close')
  if (/Non-2xx|Socket errors/.test(report)) throw new Error(report)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1])
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  return port
}
