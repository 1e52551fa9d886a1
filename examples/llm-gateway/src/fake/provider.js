import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { sluice } from '@sluice/express'
import { callOf, llm } from '@sluice/llm'
import express from 'express'
import { anthropic } from '../formats/anthropic.js'
import { openai } from '../formats/openai.js'

const WORDS =
  'the a of to in light river stone early quiet market garden letter winter table road small open green bell'.split(' ')

/**
 * A provider that is not one: it answers with words of no sense, always the same for the same seed and request, as fast as it is told
 * to, within limits of its own that it reports as the real one does. `POST /__fault` breaks it: `{ "kind": "429", "times": 3 }`, with
 * kinds 401, 429, 500, hang, death (in the middle of a stream) and no-usage.
 */
export async function startProvider({
  format,
  models,
  seed = 1,
  latencyMs = 30,
  tokensPerSecond = 400,
  limits = ['3000/min', '2M tokens/min'],
  port = 0,
}) {
  const spoken = { openai, anthropic }[format]
  const limit = sluice()
  const faults = []
  const served = { requests: 0, inputTokens: 0, outputTokens: 0 }
  const app = express().disable('x-powered-by')
  const json = express.json({ limit: '50mb' })
  const onCharged = ({ inputTokens, outputTokens }) => {
    served.inputTokens += inputTokens
    served.outputTokens += outputTokens
  }
  const limited = limit(llm({ provider: format, limits, onCharged }), { name: 'provider', key: () => 'customer' })

  app.post('/__fault', json, ({ body: { kind, times = 1 } }, res) => {
    for (let time = 0; time < times; time++) faults.push(String(kind))
    res.json({ waiting: faults.length })
  })

  app.post(spoken.path, json, limited, async (req, res) => {
    const fault = faults.shift()
    served.requests++
    if (fault === '429') {
      return res
        .status(429)
        .set({ 'retry-after': '2', 'retry-after-ms': '1500' })
        .json(spoken.error(429, 'Too many requests.'))
    }
    if (fault === '401') return res.status(401).json(spoken.error(401, 'Incorrect API key provided: sk-secret.'))
    if (fault === '500') return res.status(500).json(spoken.error(500, 'Something went wrong.'))
    if (fault === 'hang') return undefined
    const { model } = req.body
    if (!models.includes(model)) return res.status(404).json(spoken.error(404, `There is no model ${model}.`))
    const asked = spoken.read(req.body)
    const input = Math.ceil(JSON.stringify(req.body.messages).length / 4)
    const random = randomOf(`${seed} ${JSON.stringify(req.body.messages)}`)
    const wanted = 20 + Math.floor(random() * 60)
    const output = Math.min(asked.maxTokens ?? wanted, wanted)
    const reason = output < wanted ? 'length' : 'end'
    const words = Array.from({ length: output }, () => ` ${WORDS[Math.floor(random() * WORDS.length)]}`)
    const id = Math.floor(random() * 1e9).toString(36)
    const usage = fault === 'no-usage' ? undefined : { input, output }
    const { signal } = callOf(req)
    try {
      await sleep(latencyMs, undefined, { signal })
      if (!asked.stream) {
        await sleep((1_000 * output) / tokensPerSecond, undefined, { signal })
        const answer = spoken.write({ id, model, text: words.join('').trim(), reason, usage })
        if (usage === undefined) delete answer.usage
        return res.json(answer)
      }
      res.set('content-type', 'text/event-stream')
      const writer = spoken.writer({ id, model, includeUsage: asked.includeUsage })
      res.write(writer.start({ usage }))
      for (const [i, word] of words.entries()) {
        if (fault === 'death' && i === 5) return res.destroy()
        if (!res.write(writer.text(i === 0 ? word.trim() : word))) await once(res, 'drain', { signal })
        await sleep(1_000 / tokensPerSecond, undefined, { signal })
      }
      return res.end(writer.end({ reason, usage }))
    } catch {
      // Whoever asked has left.
      return res.destroy()
    }
  })

  app.post('/v1/embeddings', json, limited, async ({ body: { input, model } }, res) => {
    served.requests++
    const texts = [input].flat()
    await sleep(latencyMs)
    const data = texts.map((text, index) => {
      const random = randomOf(`${seed} ${text}`)
      return {
        object: 'embedding',
        index,
        embedding: Array.from({ length: 8 }, () => Number((random() - 0.5).toFixed(4))),
      }
    })
    const tokens = texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0)
    res.json({ object: 'list', model, data, usage: { prompt_tokens: tokens, total_tokens: tokens } })
  })

  const server = createServer(app).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    served,
    async close() {
      server.closeAllConnections()
      server.close()
      await limit.close()
    },
  }
}

/** Numbers from 0 to 1 that look random, and are the same for the same text (mulberry32). */
function randomOf(text) {
  let state = 0
  for (let i = 0; i < text.length; i++) state = (Math.imul(state, 31) + text.charCodeAt(i)) | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296
  }
}
