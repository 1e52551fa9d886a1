import { describe, expect, it } from 'vitest'
import { createLimiter, type StoreError } from '../index.ts'
import type { Connection } from './connection.ts'
import { remoteStore } from './remote-store.ts'
import type { Reply } from './reply.ts'

/** A connection that allows everything until it fails with `error`. */
function failing(error: Error) {
  const state = { failed: false }
  const answer = (names: readonly string[], [order = '']: readonly string[]): Promise<Reply> =>
    state.failed
      ? Promise.reject(error)
      : Promise.resolve([1_000, 'a'.repeat(order.length), ...names.map(() => '')] as const)
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
