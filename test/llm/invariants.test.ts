import { IncomingMessage, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import { concurrency, type Decision, memoryStore, type Store } from '@sluice/core'
import { createLimit, type Measured, type RequestReader } from '@sluice/core/http'
import { type Charge, callOf, type LlmOptions, llm } from '@sluice/llm'
import { quota } from '@sluice/quota'
import { redisStore } from '@sluice/redis'
import fc from 'fast-check'
import { afterEach, describe, expect, inject, it } from 'vitest'

interface Request {
  readonly key: string
  readonly body: unknown
}

const reader: RequestReader<Request> = {
  ip: () => '192.0.2.1',
  peer: () => '192.0.2.1',
  headers: () => ({}),
  proxies: () => 'untrusted',
  trustAdvice: '',
  body: ({ body }) => body,
  target: () => ({ method: 'POST', url: '/v1/chat/completions' }),
}

/** A connection that takes everything. */
class Sink extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done()
  }
}

/** Node's own response, without a network. */
function newResponse(): ServerResponse {
  const socket = new Sink()
  const request = new IncomingMessage(socket as never)
  const response = new ServerResponse(request)
  response.assignSocket(socket as never)
  return response
}

function scene(options: Omit<LlmOptions<Request>, 'provider' | 'onCharged'>, store: Store = memoryStore()) {
  const charges: Charge[] = []
  const limit = createLimit(
    reader,
    { store, timeoutMs: 5_000 },
    (guard) => ({ guard }),
    () => undefined,
  )
  const measured: Measured<Request> = llm({
    ...options,
    provider: 'openai',
    onCharged: (charge) => charges.push(charge),
  })
  const limited = limit(measured, { name: 'llm', key: ({ key }) => key })
  return {
    charges,
    limit,
    async ask(body: unknown, key = 'a') {
      const request = { key, body }
      const response = newResponse()
      const passage = await limited.guard.admit(request, response)
      return { request, response, allowed: passage.allowed, decision: passage.decision }
    },
    used: async (key = 'a') => (await limited.peek(key)).standings.map(({ used }) => used),
    peek: async (key = 'a'): Promise<Decision> => limited.peek(key),
  }
}

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

const ask = (maxTokens: number, stream = false): object => ({
  model: 'm',
  messages: [{ role: 'user', content: 'hello' }],
  max_tokens: maxTokens,
  stream,
})

/** Input of `ask`, by estimate: one word in one message. */
const INPUT = 5

const answer = (input: number, output: number): string =>
  JSON.stringify({ model: 'm', usage: { prompt_tokens: input, completion_tokens: output } })

const LIMIT = 1_000

/** One step: a call begins, or one that runs ends in some way. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('ask' as const), output: fc.nat(400) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      which: fc.nat(20),
      input: fc.nat(50),
      output: fc.nat(900),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), which: fc.nat(20) }) },
)

const STORES: readonly (readonly [string, () => Store, number])[] = [
  ['memory', () => memoryStore(), 150],
  ['Redis', () => redisStore(inject('redisUrl'), { prefix: `llm-${process.pid}-${Math.random()}` }), 25],
]

describe.each(STORES)('over %s', (_name, newStore, numRuns) => {
  it('what is used is what was settled and what is reserved, never beyond the limit but by what calls exceeded', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const {
          ask: askFor,
          used,
          charges,
          limit,
        } = scene({ limits: ['1M/hour', quota(`${LIMIT} tokens/lifetime`), concurrency(5)] }, newStore())
        const running: { readonly response: ServerResponse; readonly reserved: number }[] = []
        let requests = 0
        let exceeded = 0
        const settled = (): number =>
          charges.reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0)
        const held = (): number => running.reduce((sum, { reserved }) => sum + reserved, 0)
        for (const one of steps) {
          if (one.kind === 'ask') {
            const reserved = Math.min(INPUT + one.output, LIMIT)
            const before = await used()
            const { allowed, response } = await askFor(ask(one.output))
            expect(allowed).toBe(settled() + held() + reserved <= LIMIT && running.length < 5)
            if (allowed) {
              requests++
              running.push({ response, reserved })
            } else expect(await used()).toEqual(before)
          } else {
            const [call] = running.splice(one.which % Math.max(1, running.length), 1)
            if (call === undefined) continue
            const { response, reserved } = call
            if (one.kind === 'answer') {
              response.setHeader('content-type', 'application/json')
              response.end(answer(one.input, one.output))
              exceeded += Math.max(0, one.input + one.output - reserved)
            } else if (one.kind === 'fail') {
              response.statusCode = 500
              response.end('oops')
            } else {
              response.destroy()
            }
            await new Promise((resolve) => setImmediate(resolve))
          }
          await expect.poll(used, { interval: 2 }).toEqual([requests, settled() + held(), running.length])
          expect(settled() + held()).toBeLessThanOrEqual(LIMIT + exceeded)
        }
        await limit.close()
      }),
      { numRuns },
    )
  })
})

describe('10,000 calls that end at random bytes', () => {
  const stream = Buffer.from(
    [
      ...['Hello', ', “friends”', ' 👋', ' and so on'].map(
        (content) =>
          `data: ${JSON.stringify({ model: 'm', choices: [{ index: 0, delta: { content } }], usage: null })}\r\n\r\n`,
      ),
      `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 11 } })}\n\n`,
      'data: [DONE]\n\n',
    ].join(''),
  )

  it.each(['finish', 'cut'] as const)(
    'leave no slot and nothing reserved, with onOverBudget: %o',
    async (onOverBudget) => {
      const limits = [concurrency(3), quota('100M tokens/lifetime'), '1M inference s/hour']
      const { ask: askFor, peek, charges } = scene({ limits, onOverBudget })
      let seed = 20_261_126
      const random = (below: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
        return seed % below
      }
      for (let call = 0; call < 10_000; call++) {
        const { response, request, allowed } = await askFor(ask(20, true))
        expect(allowed).toBe(true)
        if (random(2) === 0) expect(callOf(request)?.signal.aborted).toBe(false)
        const end = random(stream.length + 1)
        const middle = random(end + 1)
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(stream.subarray(0, middle))
        response.write(stream.subarray(middle, end))
        if (end === stream.length) response.end()
        else response.destroy()
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(charges).toHaveLength(10_000)
      const { standings } = await peek()
      const [slots, tokens, seconds] = standings
      const sum = (of: (charge: Charge) => number): number => charges.reduce((all, charge) => all + of(charge), 0)
      expect(slots?.used).toBe(0)
      expect(tokens?.used).toBe(sum(({ inputTokens, outputTokens }) => inputTokens + outputTokens))
      expect(seconds?.used).toBe(sum(({ inferenceMs }) => inferenceMs))
      expect(
        charges.every(({ inputTokens, outputTokens }) => inputTokens >= 0 && outputTokens >= 0 && outputTokens < 40),
      ).toBe(true)
    },
  )
})

describe('a stream that is to be cut', () => {
  const word = `data: ${JSON.stringify({ model: 'm', choices: [{ index: 0, delta: { content: ' word' } }] })}\n\n`

  it('takes more while there is some, and what it did not use is back at its end', async () => {
    const { ask: askFor, used, charges } = scene({ limits: quota('5000 tokens/lifetime'), onOverBudget: 'cut' })
    const { response } = await askFor(ask(10, true))
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let words = 0; words < 1_500; words++) response.write(word)
    expect((await used())[0]).toBeGreaterThan(1_500)
    response.end()
    expect(charges).toMatchObject([{ outcome: 'sent', inputTokens: INPUT, outputTokens: 1_500 }])
    expect(await used()).toEqual([INPUT + 1_500])
  })

  it('ends when all is used up, and no later', async () => {
    const { ask: askFor, used, charges } = scene({ limits: quota('1000 tokens/lifetime'), onOverBudget: 'cut' })
    const other = await askFor(ask(400, true))
    const { response, request } = await askFor(ask(10, true))
    const { signal } = callOf(request) ?? {}
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    let words = 0
    while (!response.writableEnded && words < 2_000) {
      response.write(word)
      words++
    }
    expect(words).toBeGreaterThan(400)
    expect(words).toBeLessThanOrEqual(1_000 - 400 - 2 * INPUT + 1)
    expect(signal?.aborted).toBe(true)
    expect(charges).toMatchObject([{ outcome: 'cut', outputTokens: words }])
    await new Promise<void>((resolve) => expect(response.write(word, () => resolve())).toBe(true))
    other.response.setHeader('content-type', 'application/json').end(answer(0, 0))
    expect(await used()).toEqual([INPUT + words])
  })
})
