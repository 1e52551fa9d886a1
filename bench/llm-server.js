// One server of the benchmark: node llm-server.js provider MILLISECONDS, or WHAT UPSTREAM for one that passes calls on to it.
import { createServer } from 'node:http'
import { pipeline } from 'node:stream/promises'

const [what, upstream] = process.argv.slice(2)

const USAGE = { prompt_tokens: 40, completion_tokens: 30, total_tokens: 70 }
const WORDS = Array.from({ length: 30 }, (_, i) => ` word${i}`)
const chunk = (choices, usage = null) =>
  `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices, usage })}\n\n`
const EVENTS = [
  ...WORDS.map((content) => chunk([{ index: 0, delta: { content }, finish_reason: null }])),
  chunk([{ index: 0, delta: {}, finish_reason: 'stop' }]),
  chunk([], USAGE),
  'data: [DONE]\n\n',
]
const ANSWER = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: WORDS.join('').trim() }, finish_reason: 'stop' }],
  usage: USAGE,
})

const servers = { provider, bare: () => proxy(false), sluice: () => proxy(true), gateway }
const server = await servers[what]()
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send(user + system)
})

/** Answers after so many milliseconds. */
function provider() {
  return createServer((request, response) => {
    let isStream = false
    request.on('data', (bytes) => {
      isStream ||= bytes.includes('"stream":true')
    })
    const answer = () => {
      if (!isStream) return response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const event of EVENTS) response.write(event)
      return response.end()
    }
    request.on('end', () => (Number(upstream) > 0 ? setTimeout(answer, Number(upstream)) : answer()))
  })
}

/** As docs/llm.md has it, with the limit or without it. */
async function proxy(isLimited) {
  const { default: express } = await import('express')
  const { concurrency, sluice } = await import('@sluice/express')
  const { callOf, llm } = await import('@sluice/llm')
  const { quota } = await import('@sluice/quota')
  const limits = ['100M/min', '900M tokens/min', quota('900M tokens/month'), quota('$900k/month'), concurrency(1_000)]
  const limit = sluice()(llm({ provider: 'openai', limits, prices: { m: { input: 1, output: 2 } } }), {
    key: () => 'k',
  })
  const app = express().disable('x-powered-by')
  const pass = (_req, _res, next) => next()
  app.post('/v1/chat/completions', express.json(), isLimited ? limit : pass, async (req, res) => {
    try {
      const answer = await fetch(`${upstream}${req.originalUrl}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(req.body),
        signal: isLimited ? callOf(req).signal : undefined,
      })
      res.status(answer.status).type(answer.headers.get('content-type'))
      await pipeline(answer.body, res)
    } catch {
      // The load has ended.
      res.destroy()
    }
  })
  return createServer(app)
}

async function gateway() {
  const { mkdtempSync, writeFileSync } = await import('node:fs')
  const { createGateway } = await import('../examples/llm-gateway/src/gateway.js')
  const { tmpdir } = await import('node:os')
  const configPath = `${mkdtempSync(`${tmpdir()}/sluice-bench-`)}/gateway.config.yaml`
  const config = {
    timeZone: 'UTC',
    providers: { a: { format: 'openai', url: upstream } },
    models: { m: { provider: 'a', input: 1, output: 2, context: 100_000 } },
    aliases: {},
    cheaperFrom: 2,
    tiers: {
      t: [
        '100M/min',
        '900M tokens/min',
        { quota: '900M tokens/month' },
        { quota: '$900k/month' },
        { concurrency: 1_000 },
      ],
    },
    teams: { t: {} },
    keys: { key: { team: 't', tier: 't' } },
  }
  writeFileSync(configPath, JSON.stringify(config))
  return createServer(createGateway({ configPath, write: () => undefined }).app)
}
