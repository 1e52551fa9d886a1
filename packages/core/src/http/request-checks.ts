import { warn } from '../runtime/builtin.js'
import { addressKey, isIPv6 } from './client-ip.js'
import type { RequestReader } from './passage.js'

/** A mistake shows in every request: so many are looked at, then one in so many. */
const LOOKED_AT = 100

/** Says once, at the first request that shows it, that client addresses, or keys made of them, cannot be right. */
export class RequestChecks<Req> {
  readonly #reader: RequestReader<Req>
  #trustsAll: boolean | undefined
  #proxyWarned = false
  #keyWarned = false
  #addresses = 0
  #keys = 0

  constructor(reader: RequestReader<Req>) {
    this.#reader = reader
  }

  /** Before a key is made of the client's address. */
  address(request: Req): void {
    if (this.#proxyWarned || this.#trustsAll === true) return
    if (this.#trustsAll === undefined) {
      this.#trustsAll = this.#reader.proxies(request) === 'all'
      if (this.#trustsAll) {
        warn(
          'SLUICE_TRUSTS_ALL_PROXIES',
          'Every proxy is trusted, so any client can choose its IP address by sending X-Forwarded-For, and with it its limit. ' +
            `Trust only your own proxies: ${this.#reader.trustAdvice}.`,
        )
        return
      }
    }
    this.#addresses += 1
    if (!isLookedAt(this.#addresses)) return
    if (this.#reader.headers(request)['x-forwarded-for'] === undefined || !isUnread(this.#reader, request)) return
    this.#proxyWarned = true
    warn(
      'SLUICE_PROXY_NOT_TRUSTED',
      'A request came with X-Forwarded-For, but its client address is that of the connection: all clients behind your ' +
        `proxy share one limit. Trust your own proxies: ${this.#reader.trustAdvice}.`,
    )
  }

  /** A key that an app's own function made: perhaps of the address. */
  ownKey(request: Req, key: string): void {
    if (this.#keyWarned && this.#proxyWarned) return
    this.#keys += 1
    if (!isLookedAt(this.#keys)) return
    const ip = this.#reader.ip(request)
    if (ip === undefined || ip === '') return
    if (key === ip || key === addressKey(ip)) this.address(request)
    if (this.#keyWarned || key !== ip || !isIPv6(key)) return
    this.#keyWarned = true
    warn(
      'SLUICE_RAW_IPV6',
      'A key function returned a whole IPv6 address. A client has at least a /64 of them, and with each a limit of its ' +
        'own. Write key: (request) => clientKey(address).',
    )
  }
}

function isLookedAt(seen: number): boolean {
  return seen <= LOOKED_AT || seen % LOOKED_AT === 0
}

/** The framework trusts nobody, or trusts others than the proxy that is at the other end, on a private network. */
function isUnread<Req>(reader: RequestReader<Req>, request: Req): boolean {
  const peer = reader.peer(request)
  if (peer === undefined || reader.ip(request) !== peer) return false
  return reader.proxies(request) === 'untrusted' || isPrivate(peer)
}

/** Loopback, private and unique local addresses (RFC 1918, RFC 4193, RFC 6598): where proxies are, and clients are not. */
function isPrivate(address: string): boolean {
  const bare = address.replace(/^::ffff:/i, '')
  return (
    /^(?:10|127)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(bare) ||
    /^(?:::1$|f[cd])/i.test(bare)
  )
}
