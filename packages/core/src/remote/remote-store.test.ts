import { describe, expect, it, vi } from 'vitest'
import { createLimiter, type StoreError } from '../index.ts'
import type { Connection } from './connection.ts'
import { remoteStore } from './remote-store.ts'
import type { Reply } from './reply.ts'

/** A connection that allows everything, on sliding windows that are fresh, until it fails with `error`. */
function failing(error: Error) {
  const state = { failed: false }
  const answer = (names: readonly string[], [order = '']: readonly string[]): Promise<Reply> =>
    state.failed
      ? Promise.reject(error)
      : Promise.resolve([
          1_000,
          'a'.repeat(order.length),
          ...names.flatMap((name) => (name.endsWith(':texts') ? [-1] : [0, 0])),
        ] as const)
  const connection: Connection = {
    url: 'redis://test',
    evalsha: (_sha, names, args) => answer(names, args),
    eval: (_text, names, args) => answer(names, args),
    async *scan() {},
    remove: async () => 0,
    close: () => undefined,
  }
  return { state, limiter: createLimiter({ policies: '20/min', store: remoteStore('test', connection) }) }
}

/** A connection that gives one answer. */
function answering(reply: Reply) {
  const connection: Connection = {
    url: 'redis://test',
    evalsha: async () => reply,
    eval: async () => reply,
    async *scan() {},
    remove: async () => 0,
    close: () => undefined,
  }
  return createLimiter({ policies: ['5/min', '20/h'], store: remoteStore('test', connection), name: 'own' })
}

describe('an answer that is none', () => {
  it.each<[string, readonly unknown[]]>([
    ['without buckets', [1_000, 'a']],
    ['without a clock', ['now', 'a', 0, 0, 0]],
    ['with more units than it names', [1_000, 'a', 999_999_999, 5]],
    ['that is empty', []],
  ])('%s counts as a store that failed', async (_title, reply) => {
    const limiter = answering(reply as unknown as Reply)
    const degraded = vi.fn()
    limiter.on('degraded', degraded)
    // One bucket that cannot be read is an error of its own; an answer that cannot be read at all, the store's.
    limiter.on('error', degraded)
    expect(await limiter.consume('a')).toMatchObject({ allowed: true, degraded: true })
    expect(degraded).toHaveBeenCalled()
    await limiter.close()
  })
})

const named = (name: string) => Object.assign(new Error('no'), { name })

describe('a refund over a connection that fails', () => {
  it.each([
    ['before anything was sent', Object.assign(new Error('no'), { unsent: true }), false],
    ['by an answer of Redis', named('ReplyError'), false],
    ['by an answer of Upstash', named('UpstashError'), false],
    ['on the way', new Error('Connection is closed.'), true],
  ])('%s', async (_title, error, uncertain) => {
    const { state, limiter } = failing(error)
    const decision = await limiter.consume('a')
    state.failed = true
    const failure: StoreError = await Promise.resolve(limiter.refund(decision)).catch((thrown) => thrown)
    expect(failure).toMatchObject({ code: 'SLUICE_STORE', uncertain })
  })
})
