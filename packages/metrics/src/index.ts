/**
 * What limits do, for those who run them: metrics, logs and webhooks.
 * @module @sluice/metrics
 */

export type { Family, Sample } from './counts/family.js'
export type { Histogram, Labels } from './counts/histogram.js'
export { RESULTS, type Reason, type Result } from './counts/result.js'
export { METRICS, type MetricDefinition, type MetricType } from './definitions.js'
export { type LogOptions, logDenials } from './logs/log-denials.js'
export type { ConsoleLogger, Level, LogEntry, Logger, ObjectFirstLogger, WinstonLogger } from './logs/logger.js'
export {
  createMetrics,
  type Metrics,
  type MetricsOptions,
  type Source,
  type TopKey,
  type TopKeysOptions,
} from './metrics.js'
export type { Handlers, WritableContext, WritableReply, WritableResponse } from './outputs/handlers.js'
export type { MeterLike, TraceLike } from './outputs/open-telemetry.js'
export type { PromRegistry } from './outputs/prom-client.js'
export type { KeyOptions } from './shown-key.js'
export type { HeavyKey } from './top-keys/space-saving.js'
export type { DeliveryResult } from './webhook/delivery.js'
export { type Webhook, type WebhookOptions, type WebhookType, webhook } from './webhook/webhook.js'
