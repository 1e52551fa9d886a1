import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { createLimiter, memoryStore, type Store } from '@sluice/core'
import { createMetrics, type DeliveryResult, webhook } from '@sluice/metrics'
import { quota } from '@sluice/quota'
import { Webhook as Receiver } from 'standardwebhooks'
import { afterEach, describe, expect, inject, it, vi } from 'vitest'

const SECRET = `whsec_${Buffer.from('a secret of twenty-four!').toString('base64')}`
const OTHER = `whsec_${Buffer.from('another, of twenty-four!').toString('base64')}`

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface Received {
  readonly id: string
  readonly body: { readonly type: string; readonly timestamp: string; readonly data: Record<string, unknown> }
}

/** A receiver that checks each message with the reference library before it looks at it. */
async function receiver(answer: (res: ServerResponse, attempt: number) => unknown, secret = SECRET) {
  const verified: Received[] = []
  const ids: string[] = []
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const body = new Receiver(secret).verify(text, fieldsOf(req.headers)) as Received['body']
    const id = String(req.headers['webhook-id'])
    ids.push(id)
    await answer(res, ids.filter((one) => one === id).length)
    if (res.statusCode < 300 && !res.destroyed) verified.push({ id, body })
    res.end()
  }).listen(0)
  await once(server, 'listening')
  ends.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/hook`, verified, ids }
}

function fieldsOf(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

const ok = (): undefined => undefined

describe('a webhook', () => {
  it('tells of a share of a quota that was crossed, once, with a signature that the reference library accepts', async () => {
    const { url, verified } = await receiver(ok)
    const limiter = createLimiter({ name: 'calls', policies: quota('10/month'), warnAt: [0.5, 1] })
    const hook = webhook(url, { secret: SECRET })
    ends.push(() => hook.close())
    hook.observe(limiter)
    for (let i = 0; i < 12; i++) limiter.consume('org-7')
    await expect.poll(() => verified.length).toBe(2)
    expect(verified.map(({ body }) => body)).toMatchObject([
      {
        type: 'quota.crossed',
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        data: { limit: 'calls', policy: 'calls', key: 'org-7', share: 0.5, used: 5, quota: 10, unit: 'requests' },
      },
      { data: { share: 1, used: 10 } },
    ])
    expect(new Set(verified.map(({ id }) => id)).size).toBe(2)
  })

  it('signs by each secret, while one takes the place of the other', async () => {
    const { url, verified } = await receiver(ok, OTHER)
    const limiter = createLimiter({ name: 'calls', policies: '10/day', warnAt: 1 })
    const hook = webhook(url, { secret: [SECRET, OTHER] })
    ends.push(() => hook.close())
    hook.observe(limiter)
    for (let i = 0; i < 10; i++) limiter.consume('a')
    await expect.poll(() => verified.length).toBe(1)
  })

  it('sends again, under the same id, until the receiver has it', async () => {
    const { url, verified, ids } = await receiver((res, attempt) => {
      res.statusCode = attempt < 4 ? ([500, 429, 404][attempt - 1] ?? 500) : 204
    })
    const limiter = createLimiter({ name: 'calls', policies: '1/day', warnAt: 1 })
    const hook = webhook(url, { secret: SECRET, retryMs: [5, 5, 5, 5] })
    ends.push(() => hook.close())
    const results: DeliveryResult[] = []
    hook.onDelivery((result) => results.push(result))
    const metrics = createMetrics([limiter, hook])
    hook.observe(limiter)
    limiter.consume('a')
    await expect.poll(() => verified.length).toBe(1)
    expect(ids).toHaveLength(4)
    expect(new Set(ids).size).toBe(1)
    await expect.poll(() => results).toEqual(['delivered'])
    expect(metrics.text()).toContain('sluice_webhook_deliveries_total{result="delivered"} 1')
  })

  it('gives up after its last attempt, at once where the receiver is gone, and says so once without its address', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    ends.push(() => warned.mockRestore())
    for (const [status, attempts] of [
      [503, 3],
      [410, 1],
    ] as const) {
      const { url, ids } = await receiver((res) => {
        res.statusCode = status
      })
      const limiter = createLimiter({ name: 'calls', policies: '1/day', warnAt: 1 })
      const hook = webhook(`${url}/token-in-the-path`, { secret: SECRET, retryMs: [1, 1] })
      ends.push(() => hook.close())
      const results: DeliveryResult[] = []
      hook.onDelivery((result) => results.push(result))
      hook.observe(limiter)
      limiter.consume('a')
      await expect.poll(() => results).toEqual(['failed'])
      expect(ids).toHaveLength(attempts)
    }
    const sentences = warned.mock.calls.map(([sentence]) => String(sentence))
    expect(sentences).toHaveLength(2)
    expect(sentences[0]).toMatch(/^A message to http:\/\/127\.0\.0\.1:\d+ could not be delivered: it answered 503\.$/)
  })

  it('waits for a slow receiver no longer than it has to, and follows no redirect', async () => {
    const results: DeliveryResult[] = []
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    ends.push(() => warned.mockRestore())
    const slow = await receiver(() => new Promise((resolve) => setTimeout(resolve, 30_000).unref()))
    const target = await receiver(ok)
    const redirecting = await receiver((res) => {
      res.statusCode = 307
      res.setHeader('location', target.url)
    })
    for (const { url } of [slow, redirecting]) {
      const limiter = createLimiter({ name: 'calls', policies: '1/day', warnAt: 1 })
      const hook = webhook(url, { secret: SECRET, timeoutMs: 100, retryMs: [] })
      hook.onDelivery((result) => results.push(result))
      hook.observe(limiter)
      limiter.consume('a')
      ends.push(() => hook.close())
    }
    await expect.poll(() => results).toEqual(['failed', 'failed'])
    expect(target.ids).toEqual([])
    expect(warned.mock.calls.join()).toContain('it did not answer in time')
  })

  it('keeps a thousand messages for a receiver that is away, and counts those that it drops', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    ends.push(() => warned.mockRestore())
    let isAway = true
    const { url, verified } = await receiver((res) => {
      if (isAway) res.statusCode = 503
    })
    const limiter = createLimiter({ name: 'calls', policies: '1/day', warnAt: 1 })
    const hook = webhook(url, { secret: SECRET, retryMs: [600_000] })
    const results: DeliveryResult[] = []
    hook.onDelivery((result) => results.push(result))
    hook.observe(limiter)
    for (let i = 0; i < 1_300; i++) limiter.consume(`key-${i}`)
    await expect.poll(() => results.length).toBeGreaterThan(250)
    expect(new Set(results)).toEqual(new Set(['dropped']))
    isAway = false
    // What waits is sent once more before the end.
    await hook.close()
    expect(verified.length + results.filter((result) => result === 'dropped').length).toBe(1_300)
  })

  it('sends what it is asked for, with keys as they are asked for', async () => {
    const { url, verified } = await receiver(ok)
    const limiter = createLimiter({
      name: 'api',
      policies: '1/day',
      warnAt: 1,
      ban: { after: 2, within: '1min', for: '1h' },
    })
    const hook = webhook(url, { secret: SECRET, types: ['key.banned'], key: 'hashed' })
    ends.push(() => hook.close())
    hook.observe(limiter)
    for (let i = 0; i < 4; i++) limiter.consume('203.0.113.7')
    await expect.poll(() => verified.length).toBe(1)
    expect(verified[0]?.body).toMatchObject({ type: 'key.banned', data: { limit: 'api', times: 1 } })
    expect(JSON.stringify(verified)).not.toContain('203.0.113')
  })

  it('tells of each outage of a store and of its end, however soon the next one comes', async () => {
    const { url, verified } = await receiver(ok)
    const memory = memoryStore()
    let isDown = false
    const store = new Proxy(memory, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return name === 'url' ? 'redis://example' : value
        return (...args: unknown[]) => {
          if (isDown) return Promise.reject(new Error('connection refused'))
          return Promise.resolve(Reflect.apply(value, target, args))
        }
      },
    })
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    ends.push(() => warned.mockRestore())
    const limiter = createLimiter({ name: 'calls', policies: '10/day', store: store as Store })
    const hook = webhook(url, { secret: SECRET })
    ends.push(() => hook.close())
    hook.observe(limiter)
    for (const turn of [1, 2]) {
      isDown = true
      await limiter.consume('a')
      await expect.poll(() => verified.length).toBe(2 * turn - 1)
      isDown = false
      await expect.poll(() => verified.length, { timeout: 10_000 }).toBe(2 * turn)
    }
    expect(verified.map(({ body }) => body.type)).toEqual([
      ...['store.degraded', 'store.recovered'],
      ...['store.degraded', 'store.recovered'],
    ])
    expect(new Set(verified.map(({ id }) => id)).size).toBe(4)
  })

  it('is sent by one of several servers on a store', async () => {
    const { url, verified } = await receiver(ok)
    const script = fileURLToPath(new URL('a-banning-server.mjs', import.meta.url))
    const name = `hooks-${process.pid}`
    const children = Array.from({ length: 3 }, () =>
      fork(script, [inject('redisUrl'), name, url, SECRET], { stdio: 'inherit' }),
    )
    ends.push(() => children.map((child) => child.kill()))
    await Promise.all(children.map((child) => once(child, 'message')))
    for (const child of children) child.send('go')
    await Promise.all(children.map((child) => once(child, 'exit')))
    expect(verified.filter(({ body }) => body.type === 'key.banned')).toHaveLength(1)
    expect(verified.filter(({ body }) => body.type === 'quota.crossed')).toHaveLength(1)
  })
})

describe('what cannot be right', () => {
  it('is an error at once, without what is secret', () => {
    expect(() => webhook('hooks.example.com', { secret: SECRET })).toThrow("such as 'https://example.com/hooks'")
    expect(() => webhook('https://example.com', {} as never)).toThrow("secret is 'whsec_' and 24 to 64 bytes")
    expect(() => webhook('https://user:s3cr3t@example.com', { secret: SECRET })).toThrow('an address with a password')
    expect(() => webhook('https://user:s3cr3t@example.com', { secret: SECRET })).not.toThrow(/s3cr3t/)
    const short = 'whsec_c2hvcnQ='
    expect(() => webhook('https://example.com', { secret: short })).toThrow('14 letters')
    expect(() => webhook('https://example.com', { secret: short })).not.toThrow(/c2hvcnQ/)
    expect(() => webhook('https://example.com', { secret: SECRET, types: ['bans' as never] })).toThrow('They are:')
    expect(() => webhook('https://example.com', { secret: SECRET, retryMs: [-1] })).toThrow('retryMs')
    expect(() => webhook('https://example.com', { secret: SECRET }).observe({})).toThrow('webhook().observe()')
  })
})
