import type { LogFormat } from '../format.js'
import { patternFormat } from './pattern.js'

const COMMON = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
const REFERER_AND_AGENT = '"$http_referer" "$http_user_agent"'
const COMBINED = `${COMMON} ${REFERER_AND_AGENT}`

/** Apache's and nginx's own, https://httpd.apache.org/docs/current/logs.html. */
export const common: LogFormat = patternFormat('common', COMMON)
export const combined: LogFormat = patternFormat('combined', COMBINED)
/** Apache's `vhost_combined`. */
export const vcombined: LogFormat = patternFormat('vcombined', `$host:$port ${COMBINED}`)

/** Traefik's default, https://doc.traefik.io/traefik/observability/access-logs/. */
export const traefik: LogFormat = patternFormat(
  'traefik',
  `${COMBINED} $request_count "$router" "$service_url" ${'$'}{request_time_ms}ms`,
)

/**
 * AWS Application Load Balancer,
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html. The time is that of the
 * response; the processing times stand apart, so entries begin at their end.
 */
export const awsAlb: LogFormat = patternFormat(
  'aws-alb',
  '$type $time_iso8601 $elb $client_port $target_port $request_processing_time $target_processing_time ' +
    '$response_processing_time $status $target_status_code $received_bytes $bytes_sent "$request" "$http_user_agent" $rest',
)
