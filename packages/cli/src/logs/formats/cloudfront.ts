import { type LogFormat, lineReader } from '../format.js'
import { ColumnReader } from './columns.js'

/**
 * CloudFront's standard logs: columns by tabs, named by `#Fields:`, their values encoded as in URLs,
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html.
 */
export const cloudfront: LogFormat = {
  name: 'cloudfront',
  open(wanted) {
    const columns = new ColumnReader(wanted)
    columns.declare(DEFAULT_NAMES)
    return lineReader(columns.times, (line) => {
      if (!line.startsWith('#')) return columns.read(line.split('\t').map(decoded))
      if (line.startsWith('#Fields:')) columns.declare(line.slice(8).trim().split(/\s+/))
      return null
    })
  },
}

const DEFAULT_NAMES =
  'date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query'.split(
    ' ',
  )

function decoded(value: string): string {
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
