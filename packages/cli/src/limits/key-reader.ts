import type { Decision } from '@sluice/core'
import { clientKey } from '@sluice/core/http'
import { checkWhole } from '@sluice/core/runtime'
import ipaddr from 'ipaddr.js'
import type { LogEntry, WantedFields } from '../logs/entry.js'
import { type EntryKeys, isSecretSource, KeyNumbers } from './entry-keys.js'
import { checkField } from './field-text.js'

/** Reads whose quota an entry uses. */
export interface KeyReader extends EntryKeys {
  placesOf(entries: readonly LogEntry[]): Int32Array
}

/**
 * `ip`, `ip/24`, `route`, a field, or several joined by `+`: a key of each.
 * @throws {ConfigError} on anything else.
 */
export function keyReader(text: string, wanted: WantedFields): KeyReader {
  const readers = text.split('+').map((part) => readPart(part.trim(), wanted))
  const [only] = readers
  if (only !== undefined && readers.length === 1) return new NumberedKeys(text, only)
  return new NumberedKeys(text, (entry) => {
    const parts = readers.map((read) => read(entry))
    return parts.includes('') ? '' : parts.join(' ')
  })
}

type ReadKey = (entry: LogEntry) => string

function readPart(part: string, wanted: WantedFields): ReadKey {
  if (part === 'ip') return addressReader(64)
  if (part === 'route') return ({ method, path }) => `${method} ${path}`
  const [, bits] = /^ip\/(\d+)$/.exec(part) ?? []
  if (bits !== undefined) return prefixReader(Number(bits))
  const place = wanted.place(checkField('--key: expected ip, ip/24, route,', part))
  return ({ values }) => values[place] ?? ''
}

/** As the servers do it: mapped IPv4 addresses are IPv4, IPv6 addresses count by their /64. */
function addressReader(ipv6Prefix: number): ReadKey {
  return ({ ip }) => {
    // IPv4, as it stands in nearly every line, needs no more.
    if (!ip.includes(':')) return /^\d/.test(ip) ? ip : ''
    return isAddress(ip) ? clientKey(ip, ipv6Prefix) : ''
  }
}

/** A prefix of up to 32 bits is one of IPv4, beside /64 of IPv6; a longer one is of IPv6, beside whole IPv4 addresses. */
function prefixReader(bits: number): ReadKey {
  checkWhole('--key ip/<bits>', bits, 8, 128)
  if (bits > 32) return addressReader(bits)
  const whole = addressReader(64)
  return (entry) => {
    const address = whole(entry)
    if (address === '' || address.includes(':') || !ipaddr.IPv4.isValid(address)) return address
    return `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/${bits}`)}/${bits}`
  }
}

function isAddress(text: string): boolean {
  return ipaddr.isValid(text)
}

/** What a function makes of entries, numbered. */
class NumberedKeys implements KeyReader {
  readonly text: string
  readonly isSecret: boolean
  readonly #read: ReadKey
  readonly #isAddress: boolean
  readonly #numbers = new KeyNumbers()
  /** Limits with the same key ask for the same entries, one after the other. */
  #entries: readonly LogEntry[] = []
  #places: Int32Array = new Int32Array(0)

  constructor(text: string, read: ReadKey) {
    this.text = text
    this.isSecret = isSecretSource(text)
    this.#read = read
    this.#isAddress = text === 'ip'
  }

  get keys(): readonly string[] {
    return this.#numbers.keys
  }

  placesOf(entries: readonly LogEntry[]): Int32Array {
    if (entries === this.#entries) return this.#places
    this.#entries = entries
    this.#places = Int32Array.from(entries, (entry) => this.#placeOf(entry))
    return this.#places
  }

  placeOf({ asks: [ask] }: Decision): number {
    return this.#numbers.placeOf(ask?.key ?? '')
  }

  #placeOf(entry: LogEntry): number {
    // An IPv4 address is its own key; no other key looks like one.
    const known = this.#isAddress ? this.#numbers.knownPlaceOf(entry.ip) : undefined
    if (known !== undefined) return known
    const read = this.#read(entry)
    return read === '' ? -1 : this.#numbers.placeOf(read)
  }
}
