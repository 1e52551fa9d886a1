// One server of the load test: node server.js FRAMEWORK LIMITER. The quota is never reached; its fields are sent.
import { cpuOfRequests } from './no-sockets.js'

const [framework, limiter] = process.argv.slice(2)
const QUOTA = 10 ** 9
const WINDOW_MS = 60_000

let count = 0

const servers = { express, koa, fastify }
const server = await servers[framework]()
console.log(server.address().port)
process.on('message', async ({ requests }) => {
  if (requests !== undefined) process.send(await cpuOfRequests(server, requests))
  else {
    const { user, system } = process.cpuUsage()
    process.send(user + system)
  }
})

async function express() {
  const { default: create } = await import('express')
  const app = create()
  const limits = {
    bare: () => undefined,
    'two fields': () => (_request, response, next) => {
      setTwoFields(response)
      next()
    },
    sluice: async () => (await import('@sluice/express')).sluice()('1000M/min'),
    observed: async () => {
      const limit = (await import('@sluice/express')).sluice()
      await observe(limit)
      return limit('1000M/min')
    },
    'express-rate-limit': async () => {
      const { rateLimit } = await import('express-rate-limit')
      return rateLimit({ limit: QUOTA, windowMs: WINDOW_MS, standardHeaders: 'draft-8', legacyHeaders: false })
    },
    'rate-limiter-flexible': async () => {
      const { RateLimiterMemory } = await import('rate-limiter-flexible')
      const flexible = new RateLimiterMemory({ points: QUOTA, duration: WINDOW_MS / 1_000 })
      return (request, response, next) => {
        flexible.consume(request.ip).then(
          ({ remainingPoints, msBeforeNext }) => {
            response.setHeader('X-RateLimit-Remaining', remainingPoints)
            response.setHeader('X-RateLimit-Reset', Math.ceil(msBeforeNext / 1_000))
            next()
          },
          () => response.status(429).end(),
        )
      }
    },
  }
  const limit = await limits[limiter]()
  if (limit !== undefined) app.use(limit)
  app.get('/', (_request, response) => {
    response.send('hello')
  })
  return listening(app.listen(0))
}

async function koa() {
  const { default: Koa } = await import('koa')
  const app = new Koa()
  const limits = {
    bare: () => undefined,
    'two fields': () => (context, next) => {
      setTwoFields(context.res)
      return next()
    },
    sluice: async () => (await import('@sluice/koa')).sluice()('1000M/min'),
    'koa-ratelimit': async () => {
      const { default: ratelimit } = await import('koa-ratelimit')
      return ratelimit({ driver: 'memory', db: new Map(), max: QUOTA, duration: WINDOW_MS, id: (ctx) => ctx.ip })
    },
  }
  const limit = await limits[limiter]()
  if (limit !== undefined) app.use(limit)
  app.use((ctx) => {
    ctx.body = 'hello'
  })
  return listening(app.listen(0))
}

async function fastify() {
  const { default: create } = await import('fastify')
  const app = create()
  if (limiter === 'two fields') {
    app.addHook('onRequest', (_request, reply, done) => {
      for (const [name, value] of twoFields()) reply.header(name, value)
      done()
    })
  }
  if (limiter === 'sluice') app.addHook('onRequest', (await import('@sluice/fastify')).sluice()('1000M/min'))
  if (limiter === '@fastify/rate-limit') {
    await app.register(await import('@fastify/rate-limit'), { max: QUOTA, timeWindow: WINDOW_MS })
  }
  app.get('/', (_request, reply) => {
    reply.send('hello')
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}

/** With metrics and a dashboard. */
async function observe(limit) {
  const { createMetrics } = await import('@sluice/metrics')
  const { dashboard } = await import('@sluice/dashboard')
  dashboard(limit, { metrics: createMetrics(limit) })
}

/** What any limiter that tells its limits has to send. */
function twoFields() {
  count += 1
  return [
    ['RateLimit-Policy', '"default";q=1000000000;w=60'],
    ['RateLimit', `"default";r=${QUOTA - count};t=1`],
  ]
}

function setTwoFields(response) {
  for (const [name, value] of twoFields()) response.setHeader(name, value)
}

async function listening(server) {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  return server
}
