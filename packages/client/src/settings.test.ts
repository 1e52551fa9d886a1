import { describe, expect, it } from 'vitest'
import { createClient, createFetch, dispatcher, watchOutbound } from './index.ts'
import { standingTime } from './testing.test-helper.ts'

const URL = 'https://api.example.com/things'

standingTime()

describe('options that cannot be right', () => {
  it.each([
    [{ deadlineMs: 0 }, 'deadlineMs: expected a whole number from 1'],
    [{ deadlineMs: '30s' }, 'deadlineMs: expected a whole number'],
    [{ attemptTimeoutMs: Number.NaN }, 'attemptTimeoutMs: expected'],
    [{ maxWaitMs: -1 }, 'maxWaitMs: expected'],
    [{ giveUp: 'never' }, "giveUp: expected 'throw' or 'return'"],
    [{ retrys: 3 }, 'has no option "retrys". Did you mean "retry"?'],
    [{ retry: { attempt: 3 } }, 'retry has no option "attempt". Did you mean "attempts"?'],
    [{ retry: { attempts: 0 } }, 'retry.attempts: expected'],
    [{ retry: { jitter: 'some' } }, "retry.jitter: expected 'full'"],
    [{ retry: { statuses: [200] } }, 'retry.statuses: expected a whole number from 400'],
    [{ retry: { methods: 'POST' } }, 'retry.methods: expected an array'],
    [{ retry: { budget: { share: -1 } } }, 'retry.budget.share: expected'],
    [{ retry: 5 }, 'retry: expected false or options, such as { attempts: 3 }, got 5.'],
    [{ breaker: 'on' }, 'breaker: expected true, false or options'],
    [{ breaker: { share: 1 } }, 'breaker.share: expected a share above 0'],
    [{ breaker: { calls: 5, leastCalls: 6 } }, 'breaker.leastCalls: expected'],
    [{ throttle: { multiplier: 0 } }, 'throttle.multiplier: expected'],
    [{ gate: 'yes' }, 'gate: expected true or false'],
    [{ gate: null }, 'gate: expected true or false'],
    [{ concurrency: 0 }, 'concurrency: expected'],
    [{ concurrency: null }, 'concurrency: expected a number of calls or { max, queue }'],
    [{ concurrency: '8' }, 'concurrency: expected a number of calls or { max, queue }'],
    [{ throttle: 2 }, 'throttle: expected true, false or { multiplier }'],
    [{ limits: 100 }, 'limits: expected'],
    [{ limits: [] }, 'limits: expected'],
    [{ retries: 3 }, 'Did you mean "retry: { attempts }"?'],
    [{ timeout: 3 }, 'Did you mean "deadlineMs", or "attemptTimeoutMs" for each attempt?'],
    [{ cost: () => 1 }, 'cost: is for `limits`'],
    [{ concurrency: { max: 1, queues: 2 } }, 'concurrency has no option "queues"'],
    [{ limits: '60/mintue' }, 'mintue'],
    [{ store: 'memory:' }, 'store: is for `limits`'],
    [{ key: 'origin' }, 'key: expected a function'],
    [{ fetch: {} }, 'fetch: expected a function'],
    [{ coalesce: 1 }, 'coalesce: expected true or false'],
    [null, 'takes its options as an object'],
  ])('are refused where they are given: %j', (options, sentence) => {
    expect(() => createFetch(options as never)).toThrow(sentence)
    expect(() => createFetch(options as never)).toThrow(expect.objectContaining({ code: 'SLUICE_CONFIG' }))
  })

  it('are refused by the others too', async () => {
    expect(() => createClient({ fetch: 1 } as never)).toThrow('createClient() has no option "fetch"')
    expect(() => dispatcher({ retry: {} } as never)).toThrow('dispatcher() has no option "retry"')
    expect(() => watchOutbound('x' as never)).toThrow('watchOutbound(): expected a function')
    const client = createClient()
    await expect(client.execute('x' as never)).rejects.toThrow('execute(): expected a function')
    await expect(client.execute(() => 1, { keys: 1 } as never)).rejects.toThrow('Did you mean "key"?')
    await expect(client.execute(() => 1, { key: 5 } as never)).rejects.toThrow('key: expected a string')
    await expect(client.execute(() => 1, { cost: 5 })).rejects.toThrow('cost: is for `limits`')
    await expect(client.execute(() => 1, { priority: Number.NaN })).rejects.toThrow('priority: expected a number')
    await expect(client.execute(() => 1, { idempotent: 'no' } as never)).rejects.toThrow('idempotent: expected true')
    await expect(createFetch({ key: () => undefined as never })(URL)).rejects.toThrow('key: expected a string')
    expect(() => client.on('retries' as never, () => undefined)).toThrow('there is no event "retries"')
  })
})
