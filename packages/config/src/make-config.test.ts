import { KeyError, type Policy, tokenBucket } from '@sluice/core'
import type { LimitPolicy } from '@sluice/core/http'
import { describe, expect, it, vi } from 'vitest'
import type { Config, ConfigRequest, ConfiguredLimitOptions } from './config.ts'
import { makeConfig } from './make-config.ts'
import { readData } from './read-data.ts'

const quota = vi.hoisted(() => vi.fn())
vi.mock('@sluice/quota', () => ({ quota }))

const read = async (text: string): Promise<Config> => makeConfig(await readData('/sluice.config.yaml', text, {}))
const limitOf = async (text: string, name = 'a'): Promise<ConfiguredLimitOptions> =>
  (await read(text)).limits?.[name] as ConfiguredLimitOptions

function request(headers: Record<string, string | string[]> = {}, ip = '203.0.113.7'): ConfigRequest {
  return { headers, ip }
}

describe('a configuration', () => {
  it('has defaults at the top level, as sluice() takes them', async () => {
    const defaults = {
      warnAt: [0.5, 0.8],
      headers: 'draft',
      onStoreError: 'local',
      timeoutMs: 250,
      instances: 4,
      shadow: true,
    }
    const config = await read(JSON.stringify({ store: 'memory:', defaults, plans: {}, limits: {} }))
    expect(config).toEqual({ store: 'memory:', ...defaults, plans: {}, limits: {} })
  })

  it('has nothing that the file does not have', async () => {
    expect(await read('{}')).toEqual({})
  })

  it('has policies for each plan', async () => {
    const { plans } = await read('plans: { free: 10/min, pro: [100/min, 1k/day] }')
    expect(plans).toMatchObject({ free: [{ quota: 10 }], pro: [{ quota: 100 }, { quota: 1000, windowMs: 86_400_000 }] })
  })
})

describe('a policy', () => {
  it.each([
    ['5/s', { algorithm: 'exact-window', quota: 5 }],
    ['100k tokens/min', { algorithm: 'sliding-window', quota: 100_000, unit: 'tokens' }],
    ['{ slidingWindow: 100/s, subWindows: 10 }', { algorithm: 'sub-windows', subWindows: 10 }],
    ['{ fixedWindow: 100/s, name: mine }', { algorithm: 'fixed-window', name: 'mine' }],
    ['{ slidingLog: 100/s }', { algorithm: 'sliding-log' }],
    ['{ tokenBucket: 10/s, burst: 40 }', { algorithm: 'token-bucket', burst: 40 }],
    ['{ leakyBucket: 10/s, queue: 5, burst: 2 }', { algorithm: 'leaky-bucket', burst: 2, capacity: 7 }],
  ])('is made by its constructor: %s', async (policy, expected) => {
    const { policies } = await limitOf(`limits: { a: ${policy} }`)
    expect(policies).toMatchObject([expected])
  })

  it('of a calendar is made by @sluice/quota', async () => {
    const policy =
      '{ quota: 1k/month, timeZone: Europe/Berlin, anchor: { month: 2, day: 31 }, soft: true, overage: 20, rollover: 5, name: q }'
    quota.mockImplementation(() => tokenBucket('1/day'))
    const { policies } = await limitOf(`limits: { a: [5/s, ${policy}] }`)
    expect(policies).toMatchObject([{ quota: 5 }, { algorithm: 'token-bucket' }])
    expect(quota).toHaveBeenCalledWith('1k/month', {
      ...{ timeZone: 'Europe/Berlin', anchor: { month: 2, day: 31 }, soft: true, overage: 20, rollover: 5, name: 'q' },
    })
  })

  it('has a key and a cost of its own', async () => {
    const { policies } = await limitOf('limits: { a: [5/s, { fixedWindow: 9/min, key: header:X-User, cost: 3 }] }')
    const [, own] = policies as [Policy, LimitPolicy<ConfigRequest>]
    expect(own).toMatchObject({ policy: { quota: 9 }, cost: 3 })
    expect(own.key?.(request({ 'x-user': 'ann' }))).toBe('ann')
  })
})

describe('a key', () => {
  const keyOf = async (limit: string, defaults = '{}') =>
    (await limitOf(`{ defaults: ${defaults}, limits: { a: { policies: 5/s, ${limit} } } }`)).key

  it('of a header is its value, whatever the case of its name', async () => {
    const key = await keyOf('key: header:X-API-Key')
    expect(key?.(request({ 'x-api-key': 'k' }))).toBe('k')
    expect(key?.(request({ 'x-api-key': ['a', 'b'] }))).toBe('a, b')
  })

  it('is empty where the header is missing, which core refuses', async () => {
    const key = await keyOf('key: header:constructor')
    expect(key?.(request())).toBe('')
  })

  it('of a list is the first that is there, and cannot pass for one of another source', async () => {
    const key = await keyOf('key: [header:x-api-key, header:x-user, ip]')
    expect(key?.(request({ 'x-api-key': 'k', 'x-user': 'u' }))).toBe('x-api-key:k')
    expect(key?.(request({ 'x-user': '203.0.113.7' }))).toBe('x-user:203.0.113.7')
    expect(key?.(request({ 'x-api-key': '' }))).toBe('203.0.113.7')
  })

  it('of an address is its network, by the prefix of the limit or of the defaults', async () => {
    const network = '2001:db8:1:2:3:4:5:6'
    const list = 'key: [header:x, ip]'
    expect((await keyOf(list))?.(request({}, network))).toBe('2001:db8:1:2::/64')
    expect((await keyOf(list, '{ ipv6Prefix: 48 }'))?.(request({}, network))).toBe('2001:db8:1::/48')
    expect((await keyOf(`${list}, ipv6Prefix: 32`, '{ ipv6Prefix: 48 }'))?.(request({}, network))).toBe('2001:db8::/32')
    expect((await keyOf('ipv6Prefix: 32', '{ key: [header:x, ip] }'))?.(request({}, network))).toBe('2001:db8::/32')
  })

  it('of an address that is unknown is an error', async () => {
    const key = await keyOf('key: [header:x, ip]')
    expect(() => key?.({ headers: {} })).toThrow(KeyError)
  })

  it('is left to core where it is the address alone', async () => {
    expect(await keyOf('key: ip')).toBeUndefined()
    expect(await read('{ defaults: { key: ip } }')).toEqual({})
    expect(await keyOf('key: [ip]', '{ key: ip }')).toBeUndefined()
  })

  it('of an address replaces a default', async () => {
    const key = await keyOf('key: ip', '{ key: header:x }')
    expect(key?.(request({ x: 'k' }))).toBe('203.0.113.7')
  })
})

describe('a plan', () => {
  it('is the value of its header, or empty', async () => {
    const { plan } = await limitOf('{ plans: { free: 5/s }, limits: { a: { plan: header:X-Plan } } }')
    expect(plan?.(request({ 'x-plan': 'free' }))).toBe('free')
    expect(plan?.(request())).toBe('')
  })
})
