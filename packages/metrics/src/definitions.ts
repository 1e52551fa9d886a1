/** What a metric is: a sum that only grows, how much there is now, or a distribution. */
export type MetricType = 'counter' | 'gauge' | 'histogram'

/** One metric: its name in OpenTelemetry and in Prometheus, and the labels of its series. */
export interface MetricDefinition {
  /** As OpenTelemetry names it. */
  readonly name: string
  /** As Prometheus names it, with its unit and `_total`. */
  readonly prometheus: string
  readonly type: MetricType
  /** `s` for seconds, `1` for a share, or what is counted in braces, as OpenTelemetry writes units. */
  readonly unit: string
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram's buckets, ascending. */
  readonly buckets?: readonly number[] | undefined
  /** Of a gauge: whether the numbers of several processes add up. Of all others, each says the same. */
  readonly adds?: boolean | undefined
}

/** The bounds that ASP.NET Core's rate limiting metrics have. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const

/** A decision in memory takes less than a microsecond, one over a network some milliseconds. */
const SHORT_SECONDS = [1e-6, 5e-6, 2.5e-5, 1e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] as const

const SHARES = [0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 1, 1.2, 2] as const

/** The metrics by what they are called here. */
export type MetricName =
  | 'requests'
  | 'evaluations'
  | 'units'
  | 'nearLimit'
  | 'utilization'
  | 'decisionDuration'
  | 'activeLeases'
  | 'leaseDuration'
  | 'queuedRequests'
  | 'timeInQueue'
  | 'limit'
  | 'period'
  | 'bans'
  | 'config'
  | 'storeDuration'
  | 'storeErrors'
  | 'storeRoundTrips'
  | 'rememberedDenials'
  | 'storeDegraded'
  | 'storeEntries'
  | 'storeEvictions'
  | 'quotaCrossings'
  | 'quotaOverage'
  | 'quotaUsage'
  | 'quotaLimit'
  | 'quotaReset'
  | 'clientRequests'
  | 'clientDuration'
  | 'clientRetries'
  | 'clientGivenUp'
  | 'clientWaits'
  | 'clientBreaker'
  | 'clientGate'
  | 'webhookDeliveries'

/** Every metric that `createMetrics` has. Names and labels are part of the public API. */
export const METRICS: Readonly<Record<MetricName, MetricDefinition>> = {
  requests: {
    name: 'sluice.rate_limiting.requests',
    prometheus: 'sluice_rate_limiting_requests_total',
    type: 'counter',
    unit: '{request}',
    help: 'Requests by what became of them, each once for every limit that it met, however many policies that has.',
    labels: ['limit', 'policy', 'result', 'reason'],
  },
  evaluations: {
    name: 'sluice.rate_limiting.policy.evaluations',
    prometheus: 'sluice_rate_limiting_policy_evaluations_total',
    type: 'counter',
    unit: '{evaluation}',
    help: 'Evaluations of each policy, whether or not another policy denied the request.',
    labels: ['limit', 'policy', 'unit', 'result'],
  },
  units: {
    name: 'sluice.rate_limiting.units',
    prometheus: 'sluice_rate_limiting_units_total',
    type: 'counter',
    unit: '{unit}',
    help: 'Units that were taken from each policy, or asked of one that denied. Refunds are not subtracted.',
    labels: ['limit', 'policy', 'unit', 'result'],
  },
  nearLimit: {
    name: 'sluice.rate_limiting.near_limit',
    prometheus: 'sluice_rate_limiting_near_limit_total',
    type: 'counter',
    unit: '{evaluation}',
    help: 'Evaluations that found a policy at 80 % of its limit or more.',
    labels: ['limit', 'policy', 'unit'],
  },
  utilization: {
    name: 'sluice.rate_limiting.utilization',
    prometheus: 'sluice_rate_limiting_utilization_ratio',
    type: 'histogram',
    unit: '1',
    help: 'Used share of a limit after each evaluation; above 1 where a policy never denies.',
    labels: ['limit', 'policy', 'unit'],
    buckets: SHARES,
  },
  decisionDuration: {
    name: 'sluice.rate_limiting.decision.duration',
    prometheus: 'sluice_rate_limiting_decision_duration_seconds',
    type: 'histogram',
    unit: 's',
    help: 'Time that decisions took, but for those that can wait in a queue: a thousand a second, and of more one in 64.',
    labels: ['limit'],
    buckets: SHORT_SECONDS,
  },
  activeLeases: {
    name: 'sluice.rate_limiting.active_request_leases',
    prometheus: 'sluice_rate_limiting_active_request_leases',
    type: 'gauge',
    adds: true,
    unit: '{slot}',
    help: 'Slots that this process holds under concurrency policies.',
    labels: ['policy'],
  },
  leaseDuration: {
    name: 'sluice.rate_limiting.request_lease.duration',
    prometheus: 'sluice_rate_limiting_request_lease_duration_seconds',
    type: 'histogram',
    unit: 's',
    help: 'Time that slots were held.',
    labels: ['limit', 'policy'],
    buckets: SECONDS,
  },
  queuedRequests: {
    name: 'sluice.rate_limiting.queued_requests',
    prometheus: 'sluice_rate_limiting_queued_requests',
    type: 'gauge',
    adds: true,
    unit: '{request}',
    help: 'Those who wait in this process for a slot, or for a denial to end.',
    labels: ['policy'],
  },
  timeInQueue: {
    name: 'sluice.rate_limiting.request.time_in_queue',
    prometheus: 'sluice_rate_limiting_request_time_in_queue_seconds',
    type: 'histogram',
    unit: 's',
    help: 'Time that they waited, by how the wait ended.',
    labels: ['limit', 'policy', 'result'],
    buckets: SECONDS,
  },
  limit: {
    name: 'sluice.rate_limiting.limit',
    prometheus: 'sluice_rate_limiting_limit',
    type: 'gauge',
    unit: '{unit}',
    help: 'Units that a policy lets through in its period.',
    labels: ['limit', 'policy', 'unit', 'plan'],
  },
  period: {
    name: 'sluice.rate_limiting.period',
    prometheus: 'sluice_rate_limiting_period_seconds',
    type: 'gauge',
    unit: 's',
    help: 'The period of a policy, a calendar’s with its usual length; none where slots are counted.',
    labels: ['limit', 'policy', 'unit', 'plan'],
  },
  bans: {
    name: 'sluice.rate_limiting.bans',
    prometheus: 'sluice_rate_limiting_bans_total',
    type: 'counter',
    unit: '{ban}',
    help: 'Keys that were banned for too many denials.',
    labels: ['limit'],
  },
  config: {
    name: 'sluice.config.info',
    prometheus: 'sluice_config_info',
    type: 'gauge',
    unit: '1',
    help: 'Always 1: what each policy says, so that servers can be compared.',
    labels: ['limit', 'policy', 'unit', 'plan', 'algorithm', 'mode', 'quota', 'window'],
  },
  storeDuration: {
    name: 'sluice.store.operation.duration',
    prometheus: 'sluice_store_operation_duration_seconds',
    type: 'histogram',
    unit: 's',
    help: 'Time until a store elsewhere answered.',
    labels: ['store', 'operation'],
    buckets: SECONDS,
  },
  storeErrors: {
    name: 'sluice.store.errors',
    prometheus: 'sluice_store_errors_total',
    type: 'counter',
    unit: '{error}',
    help: 'Operations that a store did not answer in time (timeout), could not do (connection), or refused for one bucket.',
    labels: ['store', 'operation', 'error_type'],
  },
  storeRoundTrips: {
    name: 'sluice.store.round_trips',
    prometheus: 'sluice_store_round_trips_total',
    type: 'counter',
    unit: '{call}',
    help: 'Calls to a store elsewhere; each carries the decisions of a batch.',
    labels: ['store'],
  },
  rememberedDenials: {
    name: 'sluice.store.remembered_denials',
    prometheus: 'sluice_store_remembered_denials_total',
    type: 'counter',
    unit: '{decision}',
    help: 'Denials that were answered from memory, without a round trip.',
    labels: ['store'],
  },
  storeDegraded: {
    name: 'sluice.store.degraded',
    prometheus: 'sluice_store_degraded',
    type: 'gauge',
    unit: '1',
    help: '1 while a store, or a part of it, does not decide.',
    labels: ['store'],
  },
  storeEntries: {
    name: 'sluice.store.entry.count',
    prometheus: 'sluice_store_entries',
    type: 'gauge',
    adds: true,
    unit: '{bucket}',
    help: 'Buckets that a memory store holds.',
    labels: ['store'],
  },
  storeEvictions: {
    name: 'sluice.store.evictions',
    prometheus: 'sluice_store_evictions_total',
    type: 'counter',
    unit: '{bucket}',
    help: 'Buckets that a memory store dropped for want of room.',
    labels: ['store'],
  },
  quotaCrossings: {
    name: 'sluice.quota.threshold.crossings',
    prometheus: 'sluice_quota_threshold_crossings_total',
    type: 'counter',
    unit: '{crossing}',
    help: 'How often a key used more than a share of warnAt, or another warnEvery.',
    labels: ['limit', 'policy', 'threshold'],
  },
  quotaOverage: {
    name: 'sluice.quota.overage',
    prometheus: 'sluice_quota_overage_total',
    type: 'counter',
    unit: '{unit}',
    help: 'Units that were taken beyond a calendar quota.',
    labels: ['limit', 'policy', 'unit'],
  },
  quotaUsage: {
    name: 'sluice.quota.usage',
    prometheus: 'sluice_quota_usage',
    type: 'gauge',
    unit: '{unit}',
    help: 'Units that a key of quotaKeys has used in its period, as this process saw them last.',
    labels: ['limit', 'policy', 'key'],
  },
  quotaLimit: {
    name: 'sluice.quota.limit',
    prometheus: 'sluice_quota_limit',
    type: 'gauge',
    unit: '{unit}',
    help: 'Units that this key has in its period, with what was granted and rolled over.',
    labels: ['limit', 'policy', 'key'],
  },
  quotaReset: {
    name: 'sluice.quota.reset',
    prometheus: 'sluice_quota_reset_seconds',
    type: 'gauge',
    unit: 's',
    help: 'Time until this key’s period ends.',
    labels: ['limit', 'policy', 'key'],
  },
  clientRequests: {
    name: 'sluice.client.requests',
    prometheus: 'sluice_client_requests_total',
    type: 'counter',
    unit: '{request}',
    help: 'Attempts that a client made, by what became of them.',
    labels: ['peer', 'result'],
  },
  clientDuration: {
    name: 'sluice.client.request.duration',
    prometheus: 'sluice_client_request_duration_seconds',
    type: 'histogram',
    unit: 's',
    help: 'Time until an attempt was answered.',
    labels: ['peer'],
    buckets: SECONDS,
  },
  clientRetries: {
    name: 'sluice.client.retries',
    prometheus: 'sluice_client_retries_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts that were followed by another one.',
    labels: ['peer'],
  },
  clientGivenUp: {
    name: 'sluice.client.given_up',
    prometheus: 'sluice_client_given_up_total',
    type: 'counter',
    unit: '{call}',
    help: 'Calls that failed for good.',
    labels: ['peer'],
  },
  clientWaits: {
    name: 'sluice.client.wait.duration',
    prometheus: 'sluice_client_wait_duration_seconds',
    type: 'histogram',
    unit: 's',
    help: 'Time that calls waited for their pace, for a place, or for limits of the client’s own.',
    labels: ['peer', 'reason'],
    buckets: SECONDS,
  },
  clientBreaker: {
    name: 'sluice.client.breaker.state',
    prometheus: 'sluice_client_breaker_state',
    type: 'gauge',
    unit: '1',
    help: '0 while a peer’s breaker is closed, 1 half open, 2 open.',
    labels: ['peer'],
  },
  clientGate: {
    name: 'sluice.client.gate.closed',
    prometheus: 'sluice_client_gate_closed',
    type: 'gauge',
    unit: '1',
    help: '1 while calls to a peer wait because it said so.',
    labels: ['peer'],
  },
  webhookDeliveries: {
    name: 'sluice.webhook.deliveries',
    prometheus: 'sluice_webhook_deliveries_total',
    type: 'counter',
    unit: '{message}',
    help: 'Messages of webhooks: delivered, given up after retries, or dropped since too many were waiting.',
    labels: ['result'],
  },
}
