import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createFetch } from '@sluice/client'
import { createLimiter, createStore, sluice } from '@sluice/express'
import { callOf, llm } from '@sluice/llm'
import { quota } from '@sluice/quota'
import express from 'express'
import { Cache } from './cache.js'
import { contextOf, loadConfig, modelsOf, priceOf } from './config.js'
import { createEmbedder } from './embeddings.js'
import { limitsOf } from './limits.js'
import { Observer } from './observe.js'
import { createOutbound } from './outbound.js'
import { filled, promptOf } from './prompts.js'
import { FORMATS, route } from './routing.js'

const PROMPTS = fileURLToPath(new URL('../prompts', import.meta.url))

/** The gateway as an Express app. `store` is a URL or a store; without one, everything lives in this process. */
export function createGateway({ configPath, store, secrets = {}, write, prompts = PROMPTS, reserves = true }) {
  const observer = new Observer(write)
  const { log } = observer
  const shared = typeof store === 'string' || store === undefined ? createStore(store) : store
  const config = loadConfig(configPath, log)
  const outbound = createOutbound({ config, store: shared, secrets, log })
  const cache = new Cache()
  const notify = createFetch()
  const limit = sluice({ store: shared, warnAt: config.current.warnAt })
  // Counted, and never denied: tokens by version of a prompt, over all replicas.
  const promptUsage = createLimiter({
    name: 'prompts',
    store: shared,
    policies: quota('1M tokens/month', { soft: true }),
  })
  const promptsRun = new Set()

  const options = {
    limits: (req) => {
      const limits = limitsOf(config.current.compiled, req.call)
      return reserves ? limits : limits.map(chargedAfterwards)
    },
    prices: (model) => priceOf(config.current, model) ?? priceOfAnswer(config.current, model),
    context: (model) => contextOf(config.current, model),
    onCharged: (charge, req) => charged(charge, req, { observer, config: config.current }),
  }
  const limits = { key: (req) => req.client.key, name: 'gateway' }
  const limited = {
    openai: limit(llm({ provider: 'openai', ...options }), limits),
    anthropic: limit(llm({ provider: 'anthropic', ...options }), limits),
  }
  limit.on('denied', ({ decision, request }) => {
    observer.count('gateway_denials_total', { policy: decision.binding?.policy.name })
    log({
      event: 'denied',
      ...said(request),
      policy: decision.binding?.policy.name,
      waitMs: finite(decision.retryAfterMs),
    })
  })
  limit.on('warning', ({ policy, share, used, request }) => {
    // That a client has several calls under way is no news.
    if (policy.lease !== undefined) return
    const warning = { event: 'warning', ...said(request), policy: policy.name, share, used }
    log(warning)
    const { webhook } = config.current
    if (!webhook) return
    const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() }
    notify(webhook, { method: 'POST', headers, body: JSON.stringify(warning) })
      .then((response) => response.body?.cancel())
      .catch((error) => log({ event: 'webhook', message: error.message }))
  })
  limit.on('degraded', ({ error }) => log({ event: 'degraded', message: error.message }))
  limit.on('recovered', () => log({ event: 'recovered' }))

  const app = express().disable('x-powered-by')
  const json = express.json({ limit: '50mb' })

  app.get('/metrics', (_req, res) => res.type('text/plain; version=0.0.4').send(observer.metrics()))

  app.use((req, res, next) => {
    const id = req.get('x-request-id')
    req.correlation = id !== undefined && /^[\w.-]{1,100}$/.test(id) ? id : randomUUID()
    res.set('x-request-id', req.correlation)
    const key = (req.get('authorization')?.replace(/^Bearer /i, '') ?? req.get('x-api-key') ?? '').trim()
    const known = Object.hasOwn(config.current.keys, key) ? config.current.keys[key] : undefined
    if (known === undefined) return res.status(401).json(formatOf(req).error(401, 'This API key is not known.'))
    // Buckets and logs know a key by a digest of it.
    const digest = createHash('sha256').update(key).digest('base64url').slice(0, 12)
    req.client = { ...known, key: `${known.team}/${digest}` }
    next()
  })

  app.get('/v1/models', (_req, res) => {
    const { models, aliases } = config.current
    const data = [...Object.keys(aliases), ...Object.keys(models)].map((id) => ({
      id,
      object: 'model',
      created: 0,
      owned_by: 'gateway',
    }))
    res.json({ object: 'list', data })
  })

  app.get('/usage', prepared, async (req, res, next) => {
    usage(req, res, next)
  })
  const usage = limit.usage({ key: (req) => req.client.key })

  app.get('/usage/prompts', async (_req, res) => {
    const all = await Promise.all(
      [...promptsRun].sort().map(async (prompt) => [prompt, (await promptUsage.usage(prompt))['prompts']?.used ?? 0]),
    )
    res.json({ tokens: Object.fromEntries(all) })
  })

  for (const [name, format] of Object.entries(FORMATS)) {
    app.post(format.path, json, prepared, cached(format), limited[name], (req, res) => answer(req, res, format))
  }

  app.post(
    '/v1/prompts/:name/:version/run',
    json,
    expanded,
    prepared,
    cached(FORMATS.openai),
    limited.openai,
    (req, res) => answer(req, res, FORMATS.openai),
  )

  app.post('/v1/embeddings', json, prepared, limited.openai, async (req, res) => {
    const { input, model } = req.body
    const [name] = req.call.models
    const texts = [input ?? []].flat()
    if (name === undefined || !texts.every((text) => typeof text === 'string' && text !== '')) {
      return res.status(400).json(FORMATS.openai.error(400, 'input: expected a text or several.'))
    }
    try {
      const all = await embed(name, texts)
      const tokens = all.reduce((sum, one) => sum + one.tokens, 0)
      const data = all.map(({ embedding }, index) => ({ object: 'embedding', index, embedding }))
      setUsage(req, res, { model: name, usage: { input: tokens, output: 0 } })
      res.json({ object: 'list', model, data, usage: { prompt_tokens: tokens, total_tokens: tokens } })
    } catch (error) {
      res.status(502).json(FORMATS.openai.error(502, error.message))
    }
  })

  const embed = createEmbedder(async (model, input) => {
    const { provider } = config.current.models[model]
    const response = await outbound.send(
      provider,
      '/v1/embeddings',
      { model, input },
      { format: FORMATS.openai, signal: AbortSignal.timeout(30_000) },
    )
    if (!response.ok) throw new Error(`The provider answered ${response.status}.`)
    return response.json()
  })

  app.use((error, req, res, _next) => {
    log({ event: 'error', ...said(req), message: error.message })
    if (res.headersSent) return res.destroy()
    const status = error.status ?? 500
    res.status(status).json(formatOf(req).error(status, status < 500 ? error.message : 'The gateway failed.'))
  })

  /** Which models a request may be answered by, before its limit is asked. */
  function prepared(req, _res, next) {
    const models = typeof req.body?.model === 'string' ? modelsOf(config.current, req.body.model) : []
    req.call = { client: req.client, models, model: models[0], isCached: false }
    next()
  }

  /** A prompt becomes the messages that it stands for, and is counted as such. */
  function expanded(req, res, next) {
    const { name, version } = req.params
    const template = promptOf(prompts, name, version)
    if (template === undefined) return res.status(404).json(FORMATS.openai.error(404, 'There is no such prompt.'))
    const { variables = {}, model = 'smart', ...settings } = req.body ?? {}
    const { text, missing } = filled(template, variables)
    if (missing.length > 0) {
      return res.status(400).json(FORMATS.openai.error(400, `variables: ${missing.join(', ')} is missing.`))
    }
    req.prompt = `${name}/${version}`
    req.body = { ...settings, model, messages: [{ role: 'user', content: text }] }
    next()
  }

  /** What has been answered before, for this tenant and word for word, costs one request and no tokens. */
  function cached(format) {
    return (req, res, next) => {
      try {
        req.asked = format.read(req.body ?? {})
      } catch {
        return res.status(400).json(format.error(400, 'The request has no messages that can be read.'))
      }
      req.cacheKey = Cache.keyOf(req.client.team, req.asked, req.body.model)
      req.hit = req.cacheKey && cache.get(req.cacheKey)
      req.call.isCached = req.hit !== undefined
      next()
    }
  }

  async function answer(req, res, format) {
    // The limit has asked for usage in a stream by now, and takes it out again where the client did not.
    req.asked.includeUsage = format.read(req.body).includeUsage
    const found = req.hit ?? (await joined(req))
    if (found !== undefined) return replay(req, res, format, found)
    const finish = req.cacheKey === undefined ? () => undefined : cache.begin(req.cacheKey)
    try {
      finish(await ask(req, res, format))
    } catch (error) {
      finish(undefined)
      if (callOf(req)?.signal.aborted !== true) throw error
    }
  }

  /** Somebody asks the same at this moment: their answer is everybody's. What was reserved for one's own is given back. */
  async function joined(req) {
    const answer = await (req.cacheKey === undefined ? undefined : cache.joined(req.cacheKey))
    if (answer === undefined) return undefined
    req.joined = true
    const units = new Set(
      req.rateLimit?.asks.filter(({ policy }) => policy.lease === undefined).map(({ policy }) => policy.unit),
    )
    units.delete('requests')
    await Promise.all([...units].map((unit) => req.rateLimit.settle(0, unit)))
    return answer
  }

  function replay(req, res, format, { text, reason, model, usage }) {
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
    const { signal, estimate } = callOf(req)
    const isDear = budgetShare(req.rateLimit) >= config.current.cheaperFrom
    const models = suited(config.current, req.call.models, estimate, isDear)
    const { failed, answer, model, provider, tried } = await route({
      asked: req.asked,
      models,
      config: config.current,
      outbound,
      signal,
      log: (entry) => log({ ...entry, ...said(req) }),
    })
    const name = [
      `${provider}/${model}`,
      ...(tried.length > 0 ? [`after="${tried.join(', ')}"`] : []),
      ...(isDear ? ['cheaper'] : []),
    ]
    if (failed !== undefined) {
      const status = failed.status === 429 ? 503 : failed.status
      res.set('x-gateway-route', `none; after="${tried.join(', ')}"`)
      res.status(status).json(format.error(status, failed.message))
      return undefined
    }
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

  function setUsage(req, res, { model, usage }) {
    res.set('x-sluice-usage', usageField(req, model, usage))
  }

  function usageField(req, model, usage) {
    const { inputTokens = 0, outputTokens = 0 } = callOf(req)?.estimate ?? {}
    const { input = inputTokens, output = outputTokens } = usage ?? {}
    const price = config.current.models[model]
    const cost = Math.ceil(input * price.input + output * price.output)
    return `reserved=${inputTokens + outputTokens}, input=${input}, output=${output}, micro-dollars=${cost}`
  }

  function charged(charge, req) {
    const isFree = req.hit !== undefined || req.joined === true
    const { model, inputTokens, outputTokens, microDollars, inferenceMs, from, outcome, estimate } = charge
    const tokens = isFree ? 0 : inputTokens + outputTokens
    const over = req.rateLimit?.standings.flatMap(({ policy, period }) =>
      period?.over > 0 ? [{ policy: policy.name, over: period.over }] : [],
    )
    if (req.prompt !== undefined) {
      promptsRun.add(req.prompt)
      Promise.resolve(promptUsage.consume(req.prompt, { cost: tokens })).catch(() => undefined)
    }
    observer.count('gateway_tokens_total', { model }, tokens)
    observer.count('gateway_micro_dollars_total', { model }, isFree ? 0 : (microDollars ?? 0))
    observer.count('gateway_charges_total', { from, outcome })
    log({
      event: 'charged',
      ...said(req),
      model,
      reserved: estimate.inputTokens + estimate.outputTokens,
      tokens,
      microDollars: isFree ? 0 : microDollars,
      inferenceMs,
      from: isFree ? 'cache' : from,
      outcome,
      ...(over?.length > 0 ? { overage: over } : {}),
    })
  }

  return {
    app,
    observer,
    outbound,
    config,
    async close() {
      config.close()
      await outbound.close()
      await promptUsage.close()
      await limit.close()
    },
  }
}

/** Those whose context holds the request; the cheapest first, where the budget is nearly used up. */
function suited(config, models, { inputTokens }, isDear) {
  const fitting = models.filter((model) => config.models[model].context * 1.3 > inputTokens)
  const price = (model) => config.models[model].input + config.models[model].output
  return isDear ? fitting.toSorted((a, b) => price(a) - price(b)) : fitting
}

/** How much of the key's monthly budget is used, before this request. */
function budgetShare(decision) {
  const standing = decision?.standings.find(({ policy }) => policy.name === 'key $/month')
  return standing === undefined ? 0 : standing.used / standing.policy.quota
}

/** As most gateways do it, for the demo: whoever finds one unit left is let through, and the rest is taken when it is known. */
const afterwards = new WeakMap()
function chargedAfterwards(limit) {
  if (!['tokens', 'micro-dollars'].includes(limit.policy.unit)) return limit
  const known = afterwards.get(limit) ?? { ...limit, cost: 1 }
  afterwards.set(limit, known)
  return known
}

/** A provider names the version of its model that answered. */
function priceOfAnswer(config, model) {
  return Object.hasOwn(config.models, model) ? config.models[model] : undefined
}

function formatOf(req) {
  return req.path === FORMATS.anthropic.path ? FORMATS.anthropic : FORMATS.openai
}

/** What a line of the log says of a request. */
function said(req) {
  return { id: req?.correlation, key: req?.client?.key, team: req?.client?.team, asked: req?.body?.model }
}

function finite(ms) {
  return Number.isFinite(ms) ? Math.ceil(ms) : null
}
