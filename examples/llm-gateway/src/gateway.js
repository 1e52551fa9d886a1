import { createHash, randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { createFetch } from '@sluice/client'
import { createLimiter, createStore, sluice } from '@sluice/express'
import { llm } from '@sluice/llm'
import { quota } from '@sluice/quota'
import express from 'express'
import { createAnswerer } from './answers.js'
import { Cache } from './cache.js'
import { contextOf, loadConfig, modelsOf, priceOf } from './config.js'
import { createEmbedder, encoded, MOST_TEXTS } from './embeddings.js'
import { BadRequest } from './formats/checks.js'
import { FORMATS, formatOf } from './formats/formats.js'
import { limitsOf } from './limits.js'
import { Observer } from './observe.js'
import { createOutbound } from './outbound.js'
import { filled, promptOf } from './prompts.js'

const PROMPTS = fileURLToPath(new URL('../prompts', import.meta.url))

/** The gateway as an Express app. `store` is a URL or a store; without one, everything lives in this process. */
export function createGateway({ configPath, store, secrets = {}, write, prompts = PROMPTS, reserves = true }) {
  const observer = new Observer(write)
  const { log } = observer
  const shared = typeof store === 'string' || store === undefined ? createStore(store) : store
  const cache = new Cache()
  const config = loadConfig(configPath, log, () => cache.clear())
  const outbound = createOutbound({ store: shared, secrets, log })
  const { answer, setUsage } = createAnswerer({ cache, outbound, observer, said })
  const limit = sluice({ store: shared, warnAt: config.current.warnAt })
  // Counted, and never denied: a team's tokens by version of a prompt, over all replicas.
  const promptUsage = createLimiter({
    name: 'prompts',
    store: shared,
    policies: quota('1M tokens/month', { soft: true }),
  })
  const promptsRun = new Map()

  const options = {
    limits: (req) => {
      const limits = limitsOf(req.config.compiled, req.call)
      return reserves ? limits : limits.map(chargedAfterwards)
    },
    prices: (model) => priceOf(config.current, model),
    context: (model) => contextOf(config.current, model),
    onCharged: charged,
  }
  const limits = { key: (req) => req.client.key, name: 'gateway' }
  const limited = {
    openai: limit(llm({ provider: 'openai', ...options }), limits),
    anthropic: limit(llm({ provider: 'anthropic', ...options }), limits),
  }
  watchLimits()

  const app = express().disable('x-powered-by')
  const json = express.json({ limit: '50mb' })
  const usage = limit.usage({ key: (req) => req.client.key })

  // For who runs it: not through a proxy, which would make everybody local.
  app.get('/metrics', (req, res) => {
    if (!/^(?:::ffff:)?127\.|^::1$/.test(req.socket.remoteAddress ?? '')) return res.sendStatus(403)
    return res.type('text/plain; version=0.0.4').send(observer.metrics())
  })
  app.use(known)
  app.get('/v1/models', ({ config: { aliases, models } }, res) => {
    const names = [...Object.keys(aliases), ...Object.keys(models)]
    res.json({ object: 'list', data: names.map((id) => ({ id, object: 'model', created: 0, owned_by: 'gateway' })) })
  })
  app.get('/usage', prepared, usage)
  app.get('/usage/prompts', async ({ client: { team } }, res) => {
    const run = [...(promptsRun.get(team) ?? [])].sort()
    const used = async (prompt) => (await promptUsage.usage(`${team} ${prompt}`)).prompts?.used ?? 0
    res.json({ tokens: Object.fromEntries(await Promise.all(run.map(async (prompt) => [prompt, await used(prompt)]))) })
  })
  for (const [name, format] of Object.entries(FORMATS)) {
    app.post(format.path, json, prepared, cached, limited[name], (req, res) => answer(req, res, format))
  }
  app.post('/v1/prompts/:name/:version/run', json, expanded, prepared, cached, limited.openai, (req, res) =>
    answer(req, res, FORMATS.openai),
  )
  app.post('/v1/embeddings', json, prepared, limited.openai, embeddings)
  app.use((req, res) => res.status(404).json(formatOf(req).error(404, 'There is no such path.')))
  app.use((error, req, res, _next) => {
    const status = error.status ?? 500
    if (status >= 500) log({ event: 'error', ...said(req), message: error.message })
    if (res.headersSent) return res.destroy()
    const message = status < 500 ? error.message : 'The gateway failed.'
    return res.status(status).json(formatOf(req).error(status, message))
  })

  /** Whose request it is. It keeps the configuration that it came under. */
  function known(req, res, next) {
    req.config = config.current
    const id = req.get('x-request-id')
    req.correlation = id !== undefined && /^[\w.-]{1,100}$/.test(id) ? id : randomUUID()
    res.set('x-request-id', req.correlation)
    const key = (req.get('authorization')?.replace(/^Bearer /i, '') ?? req.get('x-api-key') ?? '').trim()
    const client = Object.hasOwn(req.config.keys, key) ? req.config.keys[key] : undefined
    if (client === undefined) return res.status(401).json(formatOf(req).error(401, 'This API key is not known.'))
    // Buckets and logs know a key by a digest of it.
    const digest = createHash('sha256').update(key).digest('base64url').slice(0, 12)
    req.client = { ...client, key: `${client.team}/${digest}` }
    return next()
  }

  /** Which models a request may be answered by, before its limit is asked. */
  function prepared(req, _res, next) {
    const models = typeof req.body?.model === 'string' ? modelsOf(req.config, req.body.model) : []
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
    if (missing.length > 0) throw new BadRequest(`variables: ${missing.join(', ')}: expected a text or a number.`)
    req.prompt = `${name}/${version}`
    req.body = { ...settings, model, messages: [{ role: 'user', content: text }] }
    return next()
  }

  /** What has been answered before, for this team and word for word, costs one request and no tokens. */
  function cached(req, _res, next) {
    req.asked = formatOf(req).read(req.body)
    req.cacheKey = Cache.keyOf(req.client.team, req.asked, req.body.model)
    req.hit = req.cacheKey && cache.get(req.cacheKey)
    req.call.isCached = req.hit !== undefined
    next()
  }

  const embed = createEmbedder(async (model, input) => {
    const { provider } = config.current.models[model]
    const to = config.current.providers[provider]
    const signal = AbortSignal.timeout(30_000)
    const response = await outbound.send(
      provider,
      to,
      '/v1/embeddings',
      { model, input },
      { format: FORMATS.openai, signal },
    )
    if (response.ok) return response.json()
    throw Object.assign(new Error('The provider could not answer.'), { status: response.status === 400 ? 400 : 502 })
  })

  async function embeddings(req, res) {
    const { input, model, encoding_format: encoding = 'float', dimensions } = req.body
    const [name] = req.call.models
    const texts = [input ?? []].flat()
    const areTexts = texts.length > 0 && texts.every((text) => typeof text === 'string' && text !== '')
    if (!areTexts || texts.length > MOST_TEXTS) throw new BadRequest(`input: expected a text, or up to ${MOST_TEXTS}.`)
    if (req.config.models[name]?.embeds !== true) throw new BadRequest(`model: ${name} makes no embeddings.`)
    if (dimensions !== undefined) throw new BadRequest('dimensions: this gateway does not pass it on.')
    const all = await embed(req.client.team, name, texts)
    const tokens = all.reduce((sum, one) => sum + one.tokens, 0)
    const data = all.map(({ embedding }, index) => ({
      object: 'embedding',
      index,
      embedding: encoded(embedding, encoding),
    }))
    setUsage(req, res, { model: name, usage: { input: tokens, output: 0 } })
    res.json({ object: 'list', model, data, usage: { prompt_tokens: tokens, total_tokens: tokens } })
  }

  function charged(charge, req) {
    const isFree = req.hit !== undefined || req.joined === true
    const { model, inputTokens, outputTokens, inferenceMs, from, outcome, estimate } = charge
    const tokens = isFree ? 0 : inputTokens + outputTokens
    const microDollars = isFree ? 0 : (charge.microDollars ?? 0)
    const over = (req.rateLimit?.standings ?? []).filter(({ period }) => period !== undefined && period.over > 0)
    if (req.prompt !== undefined) {
      const { team } = req.client
      promptsRun.set(team, (promptsRun.get(team) ?? new Set()).add(req.prompt))
      Promise.resolve(promptUsage.consume(`${team} ${req.prompt}`, { cost: tokens })).catch(() => undefined)
    }
    observer.count('gateway_tokens_total', { model }, tokens)
    observer.count('gateway_micro_dollars_total', { model }, microDollars)
    observer.count('gateway_charges_total', { from, outcome })
    log({
      event: 'charged',
      ...said(req),
      ...{ model, tokens, microDollars, inferenceMs, outcome },
      reserved: estimate.inputTokens + estimate.outputTokens,
      from: isFree ? 'cache' : from,
      ...(over.length > 0
        ? { overage: over.map(({ policy, period }) => ({ policy: policy.name, over: period.over })) }
        : {}),
    })
  }

  /** Denials and warnings, in the log and at a webhook. */
  function watchLimits() {
    const notify = createFetch()
    limit.on('denied', ({ decision, request }) => {
      const policy = decision.binding?.policy.name
      observer.count('gateway_denials_total', { policy })
      const waitMs = Number.isFinite(decision.retryAfterMs) ? Math.ceil(decision.retryAfterMs) : null
      log({ event: 'denied', ...said(request), policy, waitMs })
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
  }

  return {
    app,
    observer,
    async close() {
      config.close()
      await outbound.close()
      await promptUsage.close()
      await limit.close()
    },
  }
}

/** As most gateways do it, for the demo: whoever finds one unit left is let through, and the rest is taken when it is known. */
function chargedAfterwards(limit) {
  if (!['tokens', 'micro-dollars'].includes(limit.policy.unit)) return limit
  const known = afterwards.get(limit) ?? { ...limit, cost: 1 }
  afterwards.set(limit, known)
  return known
}

const afterwards = new WeakMap()

/** What a line of the log says of a request. */
function said(req) {
  const asked = typeof req?.body?.model === 'string' ? req.body.model.slice(0, 100) : undefined
  return { id: req?.correlation, key: req?.client?.key, team: req?.client?.team, asked }
}
