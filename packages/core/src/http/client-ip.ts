import { KeyError } from '../errors.js'
import { checkWhole } from '../options.js'

/** An IPv6 client owns a whole /64. */
const CLIENT_PREFIX = 64

/**
 * The partition key of a client's address: an IPv4 address as it is, also when it comes mapped into IPv6, through NAT64, or with a port;
 * an IPv6 address cut to its network, by default a /64, as `2001:db8:0:1::/64`.
 * @throws {KeyError} when there is no address, or the text is none: never one bucket for all of those.
 */
export function clientKey(address: string | undefined, ipv6Prefix: number = CLIENT_PREFIX): string {
  if (address === undefined || address === '') {
    throw new KeyError('The client has no IP address (its connection may be gone). Give the limit a key of your own.')
  }
  // What nearly every connection has: a server that listens on `::` sees IPv4 clients mapped.
  const usual = address.startsWith('::ffff:') ? address.slice(7) : address
  if (isIPv4(usual)) return usual
  const [, bare = address] = /^\[([^\]]*)\](?::\d+)?$/.exec(address) ?? /^([\d.]+):\d+$/.exec(address) ?? []
  if (isIPv4(bare)) return bare
  const groups = groupsOf(bare)
  if (groups === undefined) {
    throw new KeyError(`${JSON.stringify(address.slice(0, 60))} is not an IP address. Check the proxy that sent it.`)
  }
  const mapped = mappedIPv4(groups)
  if (mapped !== undefined) return mapped
  return network(groups, checkWhole('ipv6Prefix', ipv6Prefix, 32, 128))
}

/** The same of an address; any other text, such as a key that was made of one, as it is. */
export function addressKey(text: string, ipv6Prefix?: number): string {
  try {
    return clientKey(text, ipv6Prefix)
  } catch (error) {
    if (error instanceof KeyError) return text
    throw error
  }
}

/** An address without its brackets, port or zone; IPv4 where it is that in another form. `undefined` for any other text. */
export function addressOf(
  text: string,
): { readonly address: string; readonly family: 'ipv4' | 'ipv6'; readonly isMapped: boolean } | undefined {
  const [, bare = text] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? /^([\d.]+):\d+$/.exec(text) ?? []
  if (isIPv4(bare)) return { address: bare, family: 'ipv4', isMapped: false }
  const groups = bare.includes(':') ? groupsOf(bare) : undefined
  if (groups === undefined) return undefined
  const mapped = mappedIPv4(groups)
  if (mapped !== undefined) return { address: mapped, family: 'ipv4', isMapped: true }
  return { address: groups.map((group) => group.toString(16)).join(':'), family: 'ipv6', isMapped: false }
}

/** The first so many bits, in whole groups. */
function network(groups: readonly number[], bits: number): string {
  const count = Math.ceil(bits / 16)
  const kept = groups.slice(0, count)
  kept[count - 1] = (kept[count - 1] ?? 0) & (0xffff << (count * 16 - bits))
  return `${kept.map((group) => group.toString(16)).join(':')}${count < 8 ? '::' : ''}/${bits}`
}

/** Whether a text is a whole IPv6 address that is no IPv4 address in another form. */
export function isIPv6(text: string): boolean {
  if (!text.includes(':')) return false
  const groups = groupsOf(text)
  return groups !== undefined && mappedIPv4(groups) === undefined
}

/** Four numbers below 256 without leading noughts, read once from left to right: every request comes by here. */
function isIPv4(text: string): boolean {
  let octets = 1
  let octet = -1
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit >= 0 && digit <= 9 && octet !== 0) octet = octet < 0 ? digit : octet * 10 + digit
    else if (digit === DOT && octet >= 0) {
      octets += 1
      octet = -1
    } else return false
    if (octet > 255) return false
  }
  return octets === 4 && octet >= 0
}

/** '.', counted from '0'. */
const DOT = -2

/** The eight groups of an IPv6 address (RFC 4291 §2.2); a zone (`%eth0`) is no part of the address. */
function groupsOf(text: string): number[] | undefined {
  const [address = ''] = text.split('%')
  const halves = address.split('::')
  if (halves.length > 2) return undefined
  const head = groupsIn(halves[0] ?? '', halves.length === 1)
  const tail = groupsIn(halves[1] ?? '', true)
  if (head === undefined || tail === undefined) return undefined
  if (halves.length === 1) return head.length === 8 ? head : undefined
  const missing = 8 - head.length - tail.length
  return missing < 1 ? undefined : [...head, ...Array<number>(missing).fill(0), ...tail]
}

function groupsIn(text: string, last: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const words = text.split(':')
  for (const [index, word] of words.entries()) {
    if (/^[\da-f]{1,4}$/i.test(word)) groups.push(Number.parseInt(word, 16))
    else if (last && index === words.length - 1 && isIPv4(word)) groups.push(...bytePairs(word))
    else return undefined
  }
  return groups
}

function bytePairs(ipv4: string): [number, number] {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number)
  return [a * 256 + b, c * 256 + d]
}

/** The first six groups of addresses that carry an IPv4 address: mapped (RFC 4291 §2.5.5.2) and NAT64 (RFC 6052 §2.1). */
const CARRIERS: readonly string[] = ['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0']

/** The IPv4 address in the last two groups, where there is one. */
function mappedIPv4(groups: readonly number[]): string | undefined {
  const [a = 0, b = 0] = groups.slice(6)
  const carrier = groups
    .slice(0, 6)
    .map((group) => group.toString(16))
    .join(':')
  return CARRIERS.includes(carrier) ? [a >> 8, a & 255, b >> 8, b & 255].join('.') : undefined
}
