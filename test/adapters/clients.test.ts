import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { concurrency, sluice as expressSluice, type LimitOptions, memoryStore, type Policy } from '@sluice/express'
import { sluice as fastifySluice } from '@sluice/fastify'
import { sluice as koaSluice } from '@sluice/koa'
import express, { type Request } from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import request from 'supertest'
import { describe, expect, it, vi } from 'vitest'

type Options = LimitOptions<Request>

/** A server that trusts whatever address a test sends, and takes a key from a header. */
const frameworks = {
  Express(policies: string | readonly (string | Policy)[], options: object) {
    const limit = expressSluice()
    const app = express().set('env', 'test').set('trust proxy', 'loopback')
    app.get('/', limit(policies as string, { name: 'api', ...options } as Options), (_req, res) => {
      res.send('ok')
    })
    return { server: app, limit }
  },
  Koa(policies: string | readonly (string | Policy)[], options: object) {
    const limit = koaSluice()
    const app = new Koa({ proxy: true, maxIpsCount: 1 })
    app.silent = true
    app.use(limit(policies as string, { name: 'api', ...options }))
    app.use((context) => {
      context.body = 'ok'
    })
    return { server: app.callback(), limit }
  },
  async Fastify(policies: string | readonly (string | Policy)[], options: object) {
    const limit = fastifySluice()
    const app = fastify({ trustProxy: 'loopback' })
    app.get('/', { onRequest: limit(policies as string, { name: 'api', ...options }) }, async () => 'ok')
    await app.ready()
    return { server: app.server, limit }
  },
}

describe.each(Object.entries(frameworks))('clients of %s', (_title, make) => {
  const from = (server: Parameters<typeof request>[0], address: string) =>
    request(server).get('/').set('x-forwarded-for', address)

  it.each([
    ['an address', '192.0.2.7', '192.0.2.7', '192.0.2.8'],
    ['a range', '10.1.0.0/16', '10.1.2.3', '10.2.0.1'],
    ['an IPv6 range', '2001:db8:1::/48', '2001:db8:1:ffff::9', '2001:db8:2::1'],
    ['an IPv4 address that comes as IPv6', '::ffff:192.0.2.7', '192.0.2.7', '192.0.2.9'],
    ['every IPv4 address', '0.0.0.0/0', '198.51.100.1', '2001:db8::1'],
    ['every IPv6 address', '::/0', '2001:db8::1', '198.51.100.1'],
  ])('in allow are not limited, and are sent no fields: %s', async (_what, entry, inside, outside) => {
    const { server, limit } = await make('1/h', { allow: [entry] })
    for (let i = 0; i < 3; i++) {
      const response = await from(server, inside)
      expect([response.status, response.headers['ratelimit']]).toEqual([200, undefined])
    }
    expect(limit.store).toMatchObject({ size: 0 })
    expect([(await from(server, outside)).status, (await from(server, outside)).status]).toEqual([200, 429])
  })

  it('in allow by their key, or by a function that answers later', async () => {
    const key = () => 'office'
    for (const allow of [['home', 'office'], async () => true]) {
      const { server } = await make('1/h', { allow, key })
      expect([(await from(server, '192.0.2.1')).status, (await from(server, '192.0.2.1')).status]).toEqual([200, 200])
    }
  })

  it('in block are denied with 403, without asking the store; in both lists they are allowed', async () => {
    const denied = vi.fn()
    const { server, limit } = await make('9/h', { block: ['192.0.2.0/24'], allow: ['192.0.2.1'] })
    limit.on('denied', denied)
    const response = await from(server, '192.0.2.2').set('accept', 'application/json')
    expect(response.status).toBe(403)
    expect(response.headers['retry-after']).toBeUndefined()
    expect(JSON.parse(response.text)).toMatchObject({ type: 'about:blank', title: 'Forbidden', status: 403 })
    expect(limit.store).toMatchObject({ size: 0 })
    expect(denied).toHaveBeenCalledTimes(1)
    expect((await from(server, '192.0.2.1')).status).toBe(200)
    expect((await from(server, '198.51.100.1')).status).toBe(200)
  })

  it('whose function throws or rejects fail', async () => {
    for (const broken of [
      () => {
        throw undefined
      },
      () => Promise.reject(new Error('no list')),
    ]) {
      for (const option of ['allow', 'block']) {
        const { server } = await make('9/h', { [option]: broken })
        expect((await from(server, '192.0.2.1')).status).toBe(500)
      }
    }
  })

  it('whose function rejects when another has thrown already leave nothing unhandled', async () => {
    const rejected = vi.fn()
    process.on('unhandledRejection', rejected)
    const both = expressSluice({ allow: () => Promise.reject(new Error('no list')) })
    const own = () => {
      throw new Error('no list either')
    }
    const app = express().set('env', 'test')
    app.get('/', both('1/h', { name: 'api', allow: own }))
    expect((await request(app).get('/')).status).toBe(500)
    process.off('unhandledRejection', rejected)
    expect(rejected).not.toHaveBeenCalled()
  })

  it('are banned after so many denials, and told until when', async () => {
    const { server, limit } = await make('1/h', { ban: { after: 2, within: '1min', for: '10min' } })
    const banned = vi.fn()
    limit.on('banned', banned)
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push((await from(server, '192.0.2.1')).status)
    expect(statuses).toEqual([200, 429, 429])
    const response = await from(server, '192.0.2.1').set('accept', 'application/json')
    expect(response.status).toBe(429)
    expect(response.headers['retry-after']).toBe('600')
    expect(JSON.parse(response.text)).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#abnormal-usage-detected',
      detail: expect.stringContaining('has shut this client out, since too many of its requests were denied'),
    })
    expect(banned).toHaveBeenCalledTimes(1)
    expect((await from(server, '192.0.2.2')).status).toBe(200)
  })
})

describe('a limit', () => {
  const limit = expressSluice({ store: memoryStore() })

  it.each([
    [
      'a range that is none',
      { allow: ['10.0.0.0/33'] },
      'allow: "10.0.0.0/33" is no range: expected a prefix from 0 to 32',
    ],
    ['a number', { block: [7] }, 'block: expected an address, a range or a key, got 7.'],
    ['a text alone', { allow: '10.0.0.0/8' }, 'allow: expected addresses, ranges and keys in an array'],
    ['an empty text', { allow: [''] }, 'allow: expected an address, a range or a key, got "".'],
    ['a range that lacks a number', { block: ['10.0.0/8'] }, 'block: "10.0.0/8" is no address and no range'],
    ['a space in front', { block: [' 10.0.0.0/8'] }, 'block: " 10.0.0.0/8" is no address and no range'],
    ['an address that is none', { block: ['300.1.1.1'] }, 'block: "300.1.1.1" is no address and no range'],
  ])('refuses a list with %s', (_what, options, sentence) => {
    expect(() => limit('1/s', options as never)).toThrow(sentence)
  })

  it('bans nobody for waiting in its queue, and lets nobody wait there who is banned', async () => {
    const queued = concurrency(1, { queue: { size: 9, timeoutMs: 5_000 } })
    const own = expressSluice()
    const middleware = own(queued, { name: 'api', ban: { after: 2, within: '1min', for: '10min' } })
    const server = express()
      .get('/', middleware, (_req, res) => void setTimeout(() => res.send('ok'), 5))
      .listen(0)
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const six = () => Promise.all(Array.from({ length: 6 }, () => fetch(url)))
    expect((await six()).map(({ status }) => status)).toEqual(Array(6).fill(200))
    expect(await middleware.bans()).toEqual([])
    await middleware.ban('127.0.0.1', { for: '10min' })
    const began = performance.now()
    for (const { status, headers } of await six()) expect([status, headers.get('retry-after')]).toEqual([429, '600'])
    expect(performance.now() - began).toBeLessThan(4_000)
    server.close()
  })

  it('with bans has one key for all policies', () => {
    const list = ['1/s', { policy: '9/min', key: () => 'all' }] as const
    expect(() => limit(list, { ban: { after: 1, within: '1s', for: '1s' } })).toThrow(/^ban: all policies of a limit/)
  })

  it('has the lists of sluice() beside its own', async () => {
    const both = expressSluice({ allow: ['192.0.2.1'] })
    const app = express().set('env', 'test').set('trust proxy', 'loopback')
    app.get('/', both('1/h', { name: 'api', allow: ['192.0.2.2'] }), (_req, res) => {
      res.send('ok')
    })
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      for (let i = 0; i < 2; i++) {
        expect((await request(app).get('/').set('x-forwarded-for', address)).status).toBe(200)
      }
    }
  })
})
