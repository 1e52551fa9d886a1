import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { callOf } from '@sluice/llm'
import { BadRequest } from './formats/checks.js'
import { route } from './routing.js'

/** Somebody else's answer is waited for so long; a client that reads slowly holds nobody up. */
const JOINED_MS = 3_000

/** Answers what a limit has let through: from the cache, from an answer that is being made, or from a provider. */
export function createAnswerer({ cache, outbound, observer, said }) {
  const { log } = observer

  async function answer(req, res, format) {
    // The limit has asked for usage in a stream by now, and takes it out again where the client did not.
    req.asked.includeUsage = format.read(req.body).includeUsage
    const { found, finish = () => undefined } = req.hit === undefined ? await joined(req) : { found: req.hit }
    if (found !== undefined) return replay(req, res, format, found)
    try {
      finish(await ask(req, res, format))
    } catch (error) {
      finish(undefined)
      if (callOf(req)?.signal.aborted !== true) throw error
    }
  }

  /** Somebody asks the same at this moment: their answer is everybody's. Whoever is the first makes it, and says so with `finish`. */
  async function joined(req) {
    if (req.cacheKey === undefined) return {}
    const late = sleep(JOINED_MS, 'late', { ref: false })
    // Where an answer comes to nothing, the first of those who waited makes it, and the others wait for that.
    for (let making = cache.joined(req.cacheKey); making !== undefined; making = cache.joined(req.cacheKey)) {
      const found = await Promise.race([making, late])
      if (found === 'late') return {}
      if (found === undefined) continue
      req.joined = true
      return { found }
    }
    return { finish: cache.begin(req.cacheKey) }
  }

  function replay(req, res, format, { text, reason, model, usage }) {
    callOf(req)?.free()
    observer.count('gateway_cache_hits_total')
    res.set({ 'x-cache': 'hit', 'x-gateway-route': `cache; model=${model}` })
    const id = randomUUID()
    const { stream, includeUsage } = req.asked
    setUsage(req, res, { model, usage: { input: 0, output: 0 } })
    if (!stream) return res.json(format.write({ id, model, text, reason, usage }))
    const writer = format.writer({ id, model, includeUsage })
    res.set('content-type', 'text/event-stream')
    return res.end(writer.start({ usage }) + writer.text(text) + writer.end({ reason, usage }))
  }

  /** Asks the models in turn, and passes on what the first of them answers. The whole answer, where there is one. */
  async function ask(req, res, format) {
    const { config } = req
    const { signal, estimate } = callOf(req)
    const isDear = budgetShare(req.rateLimit) >= config.cheaperFrom
    const models = suited(config, req.call.models, estimate, isDear)
    const { failed, answer, model, provider, tried } = await route({
      ...{ asked: req.asked, models, config, outbound, signal },
      log: (entry) => log({ ...entry, ...said(req) }),
    })
    const after = tried.length === 0 ? [] : [`after="${tried.join(', ')}"`]
    if (failed !== undefined) {
      const status = failed.status === 429 ? 503 : failed.status
      res.set('x-gateway-route', ['none', ...after].join('; '))
      res.status(status).json(format.error(status, failed.message))
      return undefined
    }
    const name = [`${provider}/${model}`, ...after, ...(isDear ? ['cheaper'] : [])]
    res.set({ 'x-cache': 'miss', 'x-gateway-route': name.join('; ') })
    observer.count('gateway_answers_total', { provider, model })
    if (req.asked.stream) return stream(req, res, format, { model, ...answer }, estimate)
    const whole = { ...answer, model }
    setUsage(req, res, { model, usage: answer.usage })
    res.json(format.write({ id: randomUUID(), ...whole }))
    return whole
  }

  async function stream(req, res, format, { model, first, rest }, estimate) {
    const writer = format.writer({ id: randomUUID(), model, includeUsage: req.asked.includeUsage })
    const whole = { model, text: '', reason: 'end', usage: undefined }
    const { signal } = callOf(req)
    res.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache', trailer: 'x-sluice-usage' })
    const take = async (part) => {
      if (part.usage) whole.usage = { ...whole.usage, ...part.usage }
      if (part.reason) whole.reason = part.reason
      if (!part.text) return
      whole.text += part.text
      if (!res.write(writer.text(part.text))) await once(res, 'drain', { signal })
    }
    res.write(writer.start({ usage: { input: estimate.inputTokens, ...first.usage } }))
    await take(first)
    for await (const part of rest) {
      signal.throwIfAborted()
      if (part.error !== undefined) {
        log({ event: 'broken', ...said(req), model, message: part.error })
        res.end(writer.fail(part.error))
        return undefined
      }
      await take(part)
    }
    res.addTrailers({ 'x-sluice-usage': usageField(req, model, whole.usage) })
    res.end(writer.end(whole))
    return whole
  }

  return { answer, setUsage }
}

/** `x-sluice-usage`: what was reserved, what was used, and what it costs. */
function setUsage(req, res, { model, usage }) {
  res.set('x-sluice-usage', usageField(req, model, usage))
}

function usageField(req, model, usage) {
  const { inputTokens = 0, outputTokens = 0 } = callOf(req)?.estimate ?? {}
  const { input = inputTokens, output = outputTokens } = usage ?? {}
  const price = req.config.models[model]
  const cost = Math.ceil(input * price.input + output * price.output)
  return `reserved=${inputTokens + outputTokens}, input=${input}, output=${output}, micro-dollars=${cost}`
}

/** Those whose context may hold the request, as llm() sees it; the cheapest first, where the budget is nearly used up. */
function suited(config, models, { inputTokens }, isDear) {
  const fitting = models.filter(
    (model) => config.models[model].context * 2 >= inputTokens && !config.models[model].embeds,
  )
  if (fitting.length === 0) throw new BadRequest('No model of this name can answer this request.')
  const price = (model) => config.models[model].input + config.models[model].output
  return isDear ? fitting.toSorted((a, b) => price(a) - price(b)) : fitting
}

/** How much of the key's monthly budget is used, before this request. */
function budgetShare(decision) {
  const standing = decision?.standings.find(({ policy }) => policy.name === 'key $/month')
  return standing === undefined ? 0 : standing.used / standing.policy.quota
}
