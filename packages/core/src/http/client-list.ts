import { ConfigError, shown } from '../errors.js'
import { isThenable } from '../runtime/thenable.js'
import { addressOf } from './client-ip.js'

/**
 * Clients: IP addresses and ranges (`'203.0.113.7'`, `'10.0.0.0/8'`, `'2001:db8::/32'`), and keys as the limit's `key` returns
 * them; or a function.
 */
export type Clients<Req> = readonly string[] | ((request: Req) => boolean | Promise<boolean>)

/** A list that requests are looked up in. */
export interface ClientList<Req> {
  /** By the request alone: its client's address, or the function. */
  has(request: Req, address: string | undefined): boolean | Promise<boolean>
  /** Whether it names this key. */
  hasKey(key: string): boolean
  /** Whether it names any keys. */
  readonly hasKeys: boolean
}

/** @throws {ConfigError} on what is neither a list of texts nor a function, and on a range that is none. */
export function clientList<Req>(option: string, clients: Clients<Req> | undefined): ClientList<Req> | undefined {
  if (clients === undefined) return undefined
  if (typeof clients === 'function') {
    return { has: (request) => truth(clients(request)), hasKey: () => false, hasKeys: false }
  }
  if (!Array.isArray(clients)) {
    throw new ConfigError(
      `${option}: expected addresses, ranges and keys in an array, as in ['10.0.0.0/8', 'office'], or a function; got ${shown(clients)}.`,
    )
  }
  const keys = new Set<string>()
  const ranges: Range[] = []
  for (const client of clients as readonly unknown[]) {
    if (typeof client !== 'string' || client === '') {
      throw new ConfigError(`${option}: expected an address, a range or a key, got ${shown(client)}.`)
    }
    const range = rangeOf(option, client)
    if (range === undefined) keys.add(client)
    else ranges.push(range)
  }
  const isListed = ranges.length === 0 ? undefined : addressTest(ranges)
  return {
    has: (_request, address) => isListed !== undefined && address !== undefined && isListed(address),
    hasKey: (key) => keys.has(key),
    hasKeys: keys.size > 0,
  }
}

function truth(answer: boolean | Promise<boolean>): boolean | Promise<boolean> {
  return isThenable(answer) ? Promise.resolve(answer).then(Boolean) : Boolean(answer)
}

interface Range {
  readonly address: string
  readonly family: 'ipv4' | 'ipv6'
  readonly bits: number
}

/** What was meant as an address, and would be a key that no client has: four numbers, or any with a prefix behind them. */
const LIKE_AN_ADDRESS =
  /^\s*(?:\d+\.\d+\.\d+\.\d+\b.*|\d+(?:\.\d+){1,3}\s*\/\s*\d+\s*|[\da-f:.]*:[\da-f:.]*\s*\/\s*\d+\s*)$/i

/** `undefined` for a text that is no address: a key. */
function rangeOf(option: string, text: string): Range | undefined {
  const slash = text.indexOf('/')
  const known = addressOf(slash < 0 ? text : text.slice(0, slash))
  if (known === undefined) {
    if (!LIKE_AN_ADDRESS.test(text)) return undefined
    throw new ConfigError(
      `${option}: ${shown(text)} is no address and no range: expected one such as '10.0.0.0/8' or '2001:db8::/32'.`,
    )
  }
  const most = LENGTHS[known.family]
  if (slash < 0) return { ...known, bits: most }
  const suffix = text.slice(slash + 1)
  // An IPv4 address that was written as an IPv6 one has its prefix in bits of that.
  const bits = Number(suffix) - (known.isMapped ? 96 : 0)
  if (!/^\d{1,3}$/.test(suffix) || bits < 0 || bits > most) {
    throw new ConfigError(
      `${option}: ${shown(text)} is no range: expected a prefix from 0 to ${most}, as in '10.0.0.0/8'.`,
    )
  }
  return { ...known, bits }
}

/** By family and length of the prefix: a client is looked up once for each length, however many ranges there are. */
function addressTest(ranges: readonly Range[]): (address: string) => boolean {
  const networks = { ipv4: new Map<number, Set<bigint>>(), ipv6: new Map<number, Set<bigint>>() }
  for (const { address, bits, family } of ranges) {
    const known = networks[family].get(bits) ?? new Set()
    networks[family].set(bits, known.add(networkOf(numberOf(address, family), bits, family)))
  }
  return (text) => {
    const known = addressOf(text)
    if (known === undefined) return false
    const { family } = known
    const address = numberOf(known.address, family)
    for (const [bits, of] of networks[family]) if (of.has(networkOf(address, bits, family))) return true
    return false
  }
}

/** As `addressOf` writes it: four decimal bytes, or eight hexadecimal groups. */
function numberOf(address: string, family: Range['family']): bigint {
  const [separator, radix, width] = family === 'ipv4' ? (['.', 10, 8n] as const) : ([':', 16, 16n] as const)
  return address.split(separator).reduce((number, part) => (number << width) | BigInt(Number.parseInt(part, radix)), 0n)
}

function networkOf(address: bigint, bits: number, family: Range['family']): bigint {
  return address >> BigInt(LENGTHS[family] - bits)
}

const LENGTHS = { ipv4: 32, ipv6: 128 } as const
