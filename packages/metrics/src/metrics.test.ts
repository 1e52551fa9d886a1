import { concurrency, createLimiter, memoryStore, type Store, slidingWindow } from '@sluice/core'
import { quota } from '@sluice/quota'
import { describe, expect, it, vi } from 'vitest'
import { createMetrics, METRICS, RESULTS } from './index.ts'

/** The value of a series in a text, by its metric and some of its labels. */
function valueIn(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  const found = lines.filter((line) => wanted.every((pair) => line.includes(pair)))
  return found.length === 0 ? undefined : found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

const requests = METRICS.requests.prometheus

describe('the names and labels of metrics', () => {
  it('are what they were', () => {
    const lines = Object.values(METRICS).map(({ name, prometheus, type, unit, labels }) =>
      [name, prometheus, type, unit, labels.join(' ')].join(' | '),
    )
    expect(lines).toMatchInlineSnapshot(`
      [
        "sluice.rate_limiting.requests | sluice_rate_limiting_requests_total | counter | {request} | limit policy result reason",
        "sluice.rate_limiting.policy.evaluations | sluice_rate_limiting_policy_evaluations_total | counter | {evaluation} | limit policy unit result",
        "sluice.rate_limiting.units | sluice_rate_limiting_units_total | counter | {unit} | limit policy unit result",
        "sluice.rate_limiting.near_limit | sluice_rate_limiting_near_limit_total | counter | {evaluation} | limit policy unit",
        "sluice.rate_limiting.utilization | sluice_rate_limiting_utilization_ratio | histogram | 1 | limit policy unit",
        "sluice.rate_limiting.decision.duration | sluice_rate_limiting_decision_duration_seconds | histogram | s | limit",
        "sluice.rate_limiting.active_request_leases | sluice_rate_limiting_active_request_leases | gauge | {slot} | policy",
        "sluice.rate_limiting.request_lease.duration | sluice_rate_limiting_request_lease_duration_seconds | histogram | s | limit policy",
        "sluice.rate_limiting.queued_requests | sluice_rate_limiting_queued_requests | gauge | {request} | policy",
        "sluice.rate_limiting.request.time_in_queue | sluice_rate_limiting_request_time_in_queue_seconds | histogram | s | limit policy result",
        "sluice.rate_limiting.limit | sluice_rate_limiting_limit | gauge | {unit} | limit policy unit plan",
        "sluice.rate_limiting.period | sluice_rate_limiting_period_seconds | gauge | s | limit policy unit plan",
        "sluice.rate_limiting.bans | sluice_rate_limiting_bans_total | counter | {ban} | limit",
        "sluice.config.info | sluice_config_info | gauge | 1 | limit policy unit plan algorithm mode quota window",
        "sluice.store.operation.duration | sluice_store_operation_duration_seconds | histogram | s | store operation",
        "sluice.store.errors | sluice_store_errors_total | counter | {error} | store operation error_type",
        "sluice.store.round_trips | sluice_store_round_trips_total | counter | {call} | store",
        "sluice.store.remembered_denials | sluice_store_remembered_denials_total | counter | {decision} | store",
        "sluice.store.degraded | sluice_store_degraded | gauge | 1 | store",
        "sluice.store.entry.count | sluice_store_entries | gauge | {bucket} | store",
        "sluice.store.evictions | sluice_store_evictions_total | counter | {bucket} | store",
        "sluice.quota.threshold.crossings | sluice_quota_threshold_crossings_total | counter | {crossing} | limit policy threshold",
        "sluice.quota.overage | sluice_quota_overage_total | counter | {unit} | limit policy unit",
        "sluice.quota.usage | sluice_quota_usage | gauge | {unit} | limit policy key",
        "sluice.quota.limit | sluice_quota_limit | gauge | {unit} | limit policy key",
        "sluice.quota.reset | sluice_quota_reset_seconds | gauge | s | limit policy key",
        "sluice.client.requests | sluice_client_requests_total | counter | {request} | peer result",
        "sluice.client.request.duration | sluice_client_request_duration_seconds | histogram | s | peer",
        "sluice.client.retries | sluice_client_retries_total | counter | {attempt} | peer",
        "sluice.client.given_up | sluice_client_given_up_total | counter | {call} | peer",
        "sluice.client.wait.duration | sluice_client_wait_duration_seconds | histogram | s | peer reason",
        "sluice.client.breaker.state | sluice_client_breaker_state | gauge | 1 | peer",
        "sluice.client.gate.closed | sluice_client_gate_closed | gauge | 1 | peer",
        "sluice.webhook.deliveries | sluice_webhook_deliveries_total | counter | {message} | result",
      ]
    `)
    expect(RESULTS).toMatchInlineSnapshot(`
      [
        "allowed",
        "limited",
        "shadow_limited",
        "soft_limited",
        "canceled",
        "banned",
        "skipped",
        "failed_open",
        "failed_closed",
      ]
    `)
  })

  it('have no key among the labels, but of quotas that were asked for', () => {
    const withKeys = Object.values(METRICS).filter(({ labels }) => labels.includes('key'))
    expect(withKeys.map(({ name }) => name)).toEqual(['sluice.quota.usage', 'sluice.quota.limit', 'sluice.quota.reset'])
  })

  it('follow Prometheus: counters end in _total, times are in seconds', () => {
    for (const { prometheus, type, unit, buckets } of Object.values(METRICS)) {
      expect(prometheus.endsWith('_total')).toBe(type === 'counter')
      expect(prometheus.includes('_seconds')).toBe(unit === 's')
      expect(buckets !== undefined).toBe(type === 'histogram')
    }
  })
})

describe('a decision', () => {
  it('counts once, however many policies it has, and each of its policies is evaluated once', () => {
    const limiter = createLimiter({ name: 'api', policies: ['3/s', '100/min'] })
    const metrics = createMetrics(limiter)
    for (let i = 0; i < 5; i++) limiter.consume('a', { cost: 1 })
    const text = metrics.text()
    expect(valueIn(text, requests)).toBe(5)
    expect(valueIn(text, requests, { limit: 'api', result: 'allowed' })).toBe(3)
    expect(valueIn(text, requests, { policy: 'api-1s', result: 'limited', reason: 'rate' })).toBe(2)
    const evaluations = METRICS.evaluations.prometheus
    expect(valueIn(text, evaluations, { policy: 'api-1s', result: 'allowed' })).toBe(3)
    expect(valueIn(text, evaluations, { policy: 'api-1s', result: 'limited' })).toBe(2)
    expect(valueIn(text, evaluations, { policy: 'api-1min', result: 'allowed' })).toBe(5)
  })

  it('counts its units', () => {
    const limiter = createLimiter({ name: 'api', policies: '10/min' })
    const metrics = createMetrics(limiter)
    limiter.consume('a', { cost: 7 })
    limiter.consume('a', { cost: 4 })
    const units = METRICS.units.prometheus
    expect(valueIn(metrics.text(), units, { result: 'allowed' })).toBe(7)
    expect(valueIn(metrics.text(), units, { result: 'limited' })).toBe(4)
  })

  it('is what a shadow policy, a soft one, a ban and a store that is down make of it', async () => {
    const down: Store = { ...memoryStore(), consume: () => Promise.reject(new Error('down')), close: () => undefined }
    const soft = createLimiter({ name: 'soft', policies: quota('1/day', { overage: 5 }) })
    const banned = createLimiter({ name: 'banned', policies: '1/day' })
    const open = createLimiter({ name: 'open', policies: '1/day', store: down, onStoreError: 'allow' })
    const closed = createLimiter({ name: 'closed', policies: '1/day', store: down, onStoreError: 'deny' })
    for (const limiter of [open, closed]) limiter.on('degraded', () => undefined)
    const metrics = createMetrics([soft, banned, open, closed])
    soft.consume('a')
    soft.consume('a')
    await banned.ban('a', { for: '1h' })
    banned.consume('a')
    await open.consume('a')
    await closed.consume('a')
    const text = metrics.text()
    expect(valueIn(text, requests, { limit: 'soft', result: 'soft_limited', reason: 'quota' })).toBe(1)
    expect(valueIn(text, METRICS.quotaOverage.prometheus, { limit: 'soft' })).toBe(1)
    expect(valueIn(text, requests, { limit: 'banned', result: 'banned', reason: 'ban' })).toBe(1)
    expect(valueIn(text, requests, { limit: 'open', result: 'failed_open' })).toBe(1)
    expect(valueIn(text, requests, { limit: 'closed', result: 'failed_closed' })).toBe(1)
    expect(valueIn(text, METRICS.storeDegraded.prometheus)).toBe(1)
    expect(valueIn(text, METRICS.storeErrors.prometheus, { operation: 'consume', error_type: 'connection' })).toBe(1)
    // What nobody could look up is not how much is used.
    expect(valueIn(text, `${METRICS.utilization.prometheus}_count`, { limit: 'closed' })).toBe(0)
    await open.close()
  })

  it('counts units where they were taken, and once for an id', async () => {
    const limiter = createLimiter({ name: 'api', policies: ['1/day', '100/h'] })
    const metrics = createMetrics(limiter)
    for (let i = 0; i < 10; i++) limiter.consume('a')
    const units = METRICS.units.prometheus
    expect(valueIn(metrics.text(), units, { policy: 'api-1h', result: 'allowed' })).toBe(1)
    expect(valueIn(metrics.text(), units, { policy: 'api-1d', result: 'limited' })).toBe(9)
    const jobs = createLimiter({ name: 'jobs', policies: '100/h' })
    metrics.observe(jobs)
    for (let i = 0; i < 10; i++) jobs.consume('a', { cost: 5, id: 'once' })
    expect(valueIn(metrics.text(), units, { policy: 'jobs', result: 'allowed' })).toBe(5)
    expect(metrics.topKeys({ by: 'units', limit: 'jobs' })).toMatchObject([{ count: 5 }])
  })

  it('by an override or a plan says nothing of what the limit is', async () => {
    const limiter = createLimiter({ name: 'api', policies: '100/min' })
    const metrics = createMetrics(limiter)
    await limiter.override('vip', '1000000/min')
    limiter.consume('vip')
    for (let i = 0; i < 50; i++) limiter.consume(`fresh-${i}`)
    expect(valueIn(metrics.text(), METRICS.limit.prometheus)).toBe(100)
    expect(metrics.text()).toContain('quota="100"')
    expect(valueIn(metrics.text(), METRICS.nearLimit.prometheus)).toBe(0)
  })

  it('shows how close clients come to a limit', () => {
    const limiter = createLimiter({ name: 'api', policies: '10/day' })
    const metrics = createMetrics(limiter)
    for (let i = 0; i < 10; i++) limiter.consume('a')
    const name = METRICS.utilization.prometheus
    const below = (le: string): number | undefined => valueIn(metrics.text(), `${name}_bucket`, { le })
    expect([below('0.1'), below('0.5'), below('0.8'), below('0.9'), below('1'), below('+Inf')]).toEqual([
      1, 5, 8, 9, 10, 10,
    ])
    expect(valueIn(metrics.text(), METRICS.nearLimit.prometheus)).toBe(3)
  })

  it('of a wait counts when it is over, and a wait that is given up as canceled', async () => {
    const limiter = createLimiter({ name: 'jobs', policies: concurrency(1) })
    const metrics = createMetrics(limiter)
    const first = limiter.consume('a')
    const second = limiter.wait('a')
    const third = limiter.wait('a', { signal: AbortSignal.timeout(5) })
    expect(valueIn(metrics.text(), METRICS.queuedRequests.prometheus, { policy: 'jobs' })).toBe(2)
    expect(valueIn(metrics.text(), METRICS.activeLeases.prometheus, { policy: 'jobs' })).toBe(1)
    await expect(third).rejects.toThrow()
    await limiter.release(first)
    const held = await second
    await limiter.release(held)
    const text = metrics.text()
    expect(valueIn(text, requests, { result: 'allowed' })).toBe(2)
    expect(valueIn(text, requests, { result: 'canceled' })).toBe(1)
    const queued = `${METRICS.timeInQueue.prometheus}_count`
    expect([valueIn(text, queued, { result: 'allowed' }), valueIn(text, queued, { result: 'canceled' })]).toEqual([
      1, 1,
    ])
    expect(valueIn(text, `${METRICS.leaseDuration.prometheus}_count`)).toBe(2)
    expect(valueIn(text, METRICS.queuedRequests.prometheus) ?? 0).toBe(0)
  })

  it('that costs more than it had reserved counts what is charged later', async () => {
    const limiter = createLimiter({ name: 'chat', policies: '1000 tokens/day' })
    const metrics = createMetrics(limiter)
    const decision = limiter.reserve('a', { cost: 100 })
    await decision.settle(250)
    expect(valueIn(metrics.text(), METRICS.units.prometheus, { unit: 'tokens', result: 'allowed' })).toBe(250)
  })
})

describe('what is shown', () => {
  it('has every policy before the first request, with its limit, its period and what it says', () => {
    const metrics = createMetrics(createLimiter({ name: 'api', policies: ['10/s', slidingWindow('1000/h')] }))
    const text = metrics.text()
    expect(valueIn(text, METRICS.limit.prometheus, { policy: 'api-1s' })).toBe(10)
    expect(valueIn(text, METRICS.period.prometheus, { policy: 'api-1h' })).toBe(3_600)
    expect(text).toContain(
      'sluice_config_info{limit="api",policy="api-1h",unit="requests",plan="",algorithm="sliding-window"',
    )
    expect(valueIn(text, requests, { limit: 'api', result: 'allowed' })).toBe(0)
  })

  it('has series for at most 200 limits and policies; the others share one', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const store = memoryStore()
    const limiters = Array.from({ length: 250 }, (_, i) =>
      createLimiter({ name: `limit-${i}`, policies: '10/day', store }),
    )
    const metrics = createMetrics(limiters)
    for (const limiter of limiters) limiter.consume('a')
    expect(warned.mock.calls.map(([sentence]) => sentence)).toEqual([
      'There are more than 200 limits: further ones are counted as "_other". Names should not be made of keys.',
      'There are more than 200 policies: further ones are counted as "_other". Names should not be made of keys.',
    ])
    warned.mockRestore()
    const text = metrics.text()
    expect(valueIn(text, requests)).toBe(250)
    expect(valueIn(text, requests, { limit: '_other' })).toBe(50)
    expect(text.split('\n').filter((line) => line.startsWith(`${requests}{`))).toHaveLength(201)
  })

  it('escapes what names can have', () => {
    const limiter = createLimiter({ name: 'GET /a"b\\c', policies: '10/day' })
    const metrics = createMetrics(limiter)
    limiter.consume('a')
    expect(metrics.text()).toContain('limit="GET /a\\"b\\\\c"')
  })

  it('has the usage of those calendar quotas that were asked for', () => {
    const limiter = createLimiter({ name: 'calls', policies: quota('1000/month') })
    const metrics = createMetrics(limiter, { quotaKeys: ['org-7'] })
    limiter.consume('org-7', { cost: 40 })
    limiter.consume('org-8', { cost: 2 })
    const text = metrics.text()
    expect(valueIn(text, METRICS.quotaUsage.prometheus, { key: 'org-7' })).toBe(40)
    expect(valueIn(text, METRICS.quotaLimit.prometheus, { key: 'org-7' })).toBe(1_000)
    expect(valueIn(text, METRICS.quotaReset.prometheus, { key: 'org-7' })).toBeGreaterThan(0)
    expect(text).not.toContain('org-8')
  })

  it('has the shares of quotas that were crossed', () => {
    const limiter = createLimiter({
      name: 'calls',
      policies: quota('10/month', { overage: 20 }),
      warnAt: [0.5, 1],
      warnEvery: 5,
    })
    const metrics = createMetrics(limiter)
    for (let i = 0; i < 20; i++) limiter.consume('a')
    const crossings = METRICS.quotaCrossings.prometheus
    expect(valueIn(metrics.text(), crossings, { threshold: '0.5' })).toBe(1)
    expect(valueIn(metrics.text(), crossings, { threshold: '1' })).toBe(1)
    expect(valueIn(metrics.text(), crossings, { threshold: 'step' })).toBe(2)
  })

  it('has the buckets of a memory store, and how many it dropped', () => {
    const limiter = createLimiter({ name: 'api', policies: '10/day', store: memoryStore({ maxKeys: 10 }) })
    const metrics = createMetrics(limiter)
    for (let i = 0; i < 25; i++) limiter.consume(`k${i}`)
    expect(valueIn(metrics.text(), METRICS.storeEntries.prometheus)).toBe(10)
    expect(valueIn(metrics.text(), METRICS.storeEvictions.prometheus)).toBe(15)
  })

  it('is forgotten with a store that is not observed any more', () => {
    const metrics = createMetrics()
    for (let i = 0; i < 300; i++) {
      const limiter = createLimiter({ name: 'api', policies: '10/day' })
      const stop = metrics.observe(limiter)
      limiter.consume('a')
      stop()
    }
    expect(metrics.text()).not.toContain(METRICS.storeEntries.prometheus)
  })

  it('has few thresholds, however many steps a quota has', () => {
    const limiter = createLimiter({ name: 'calls', policies: quota('100k/month'), warnAt: 0.1, warnEvery: 10 })
    const metrics = createMetrics(limiter)
    for (let i = 0; i < 5_000; i++) limiter.consume('a', { cost: 10 })
    const lines = metrics
      .text()
      .split('\n')
      .filter((line) => line.startsWith(`${METRICS.quotaCrossings.prometheus}{`))
    expect(lines).toHaveLength(2)
  })

  it('ends when observing ends, and keeps what was counted', () => {
    const limiter = createLimiter({ name: 'api', policies: '10/day' })
    const metrics = createMetrics()
    const stop = metrics.observe(limiter)
    limiter.consume('a')
    stop()
    limiter.consume('a')
    expect(valueIn(metrics.text(), requests)).toBe(1)
    metrics.observe(limiter)
    metrics.observe(limiter)
    limiter.consume('a')
    expect(valueIn(metrics.text(), requests)).toBe(2)
  })
})

describe('the keys with most', () => {
  it('are those that were denied, or that took units', () => {
    const limiter = createLimiter({ name: 'api', policies: '5/day' })
    const metrics = createMetrics(limiter)
    for (let i = 0; i < 9; i++) limiter.consume('attacker')
    for (let i = 0; i < 6; i++) limiter.consume('eager')
    limiter.consume('big', { cost: 5 })
    expect(metrics.topKeys().map(({ key, count }) => [key, count])).toEqual([
      ['attacker', 4],
      ['eager', 1],
    ])
    expect(metrics.topKeys({ by: 'units', most: 2 })).toHaveLength(2)
    expect(metrics.topKeys({ by: 'units' }).map(({ count }) => count)).toEqual([5, 5, 5])
  })

  it('are hashed where that is asked for', () => {
    const limiter = createLimiter({ name: 'api', policies: '1/day' })
    const metrics = createMetrics(limiter)
    limiter.consume('203.0.113.7')
    limiter.consume('203.0.113.7')
    const [top] = metrics.topKeys({ hash: true })
    expect(top?.key).toMatch(/^[\w+/=]{16}$/)
    expect(JSON.stringify(metrics.topKeys({ hash: true }))).not.toContain('203.0.113')
  })
})

describe('what cannot be right', () => {
  it('is an error at once', () => {
    expect(() => createMetrics('limit' as never)).toThrow(
      'createMetrics(): expected the limit that sluice() returned, a limiter of createLimiter(), a client of createFetch() or createClient(), or a webhook, got "limit".',
    )
    expect(() => createMetrics([], { quotaKey: ['a'] } as never)).toThrow(/quotaKey.*quotaKeys/)
    expect(() => createMetrics([], { quotaKeys: [7] as never })).toThrow("quotaKeys: expected keys, as in ['org-7']")
    expect(() => createMetrics([], { quotaKeys: Array.from({ length: 101 }, (_, i) => `${i}`) })).toThrow('at most 100')
    expect(() => createMetrics().register({} as never)).toThrow('expected a registry of prom-client')
    expect(() => createMetrics().openTelemetry({})).toThrow('takes a meter')
    expect(() => createMetrics().openTelemetry({ meter: {} as never })).toThrow('metrics.getMeter')
    expect(() => createMetrics().topKeys({ by: 'most' as never })).toThrow("by is 'denials' or 'units'")
  })

  it('in an observer harms no decision', () => {
    const limiter = createLimiter({ name: 'api', policies: '1/day' })
    const errors: unknown[] = []
    limiter.on('error', ({ error }) => errors.push(error))
    const metrics = createMetrics(limiter)
    metrics.openTelemetry({
      trace: {
        getActiveSpan: () => {
          throw new Error('no span today')
        },
      },
    })
    expect(limiter.consume('a').allowed).toBe(true)
    expect(errors).toMatchObject([{ message: 'no span today' }])
  })
})
