import { clientKey } from '@sluice/core/http'
import type { ConfigRequest } from './config.js'

const HEADER = /^header:(?<name>.+)$/

/**
 * The key that sources name, the first that a request has. Where none is there the key is empty, which core refuses.
 *
 * In a list, a header's value stands behind the header's name: otherwise a client could send another's address as its
 * API key, and use up the other's units.
 */
export function keyFrom(
  sources: readonly string[],
  ipv6Prefix: number | undefined,
): (request: ConfigRequest) => string {
  const several = sources.length > 1
  const readers = sources.map((source) => {
    const header = headerName(source)
    if (header === undefined) return (request: ConfigRequest) => clientKey(request.ip, ipv6Prefix)
    return (request: ConfigRequest) => {
      const value = headerOf(request, header)
      return several && value !== '' ? `${header}:${value}` : value
    }
  })
  const read = (request: ConfigRequest): string => {
    for (const reader of readers) {
      const key = reader(request)
      if (key !== '') return key
    }
    return ''
  }
  return Object.defineProperty(read, SOURCE, { value: sources.join(', ') })
}

/** Where a key function says what it reads, for whoever documents it. */
const SOURCE: unique symbol = Symbol.for('sluice.source') as never

/** The name of a request's plan: empty where the header is missing. */
export function planFrom(source: string): (request: ConfigRequest) => string {
  const header = headerName(source) ?? ''
  return (request) => headerOf(request, header)
}

/** Node has field names in lower case. */
function headerName(source: string): string | undefined {
  return HEADER.exec(source)?.groups?.['name']?.toLowerCase()
}

function headerOf({ headers }: ConfigRequest, name: string): string {
  // `constructor` is no header, although every object has it.
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}
