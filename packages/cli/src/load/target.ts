import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { ConfigError } from '@sluice/core'
import ipaddr from 'ipaddr.js'

/** Where load is sent: one address, so that a name cannot lead elsewhere once it was checked. */
export interface Target {
  readonly url: URL
  readonly address: string
  readonly family: 4 | 6
}

/** Ranges of machines of one's own. */
const OWN = new Set(['loopback', 'private', 'uniqueLocal', 'linkLocal'])

/**
 * Resolves the host and checks that it is loopback or private.
 * @throws {ConfigError} on what is no URL, and on any other address unless `ownsIt`.
 */
export async function targetOf(text: string, ownsIt: boolean): Promise<Target> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new ConfigError(`Expected a URL such as http://localhost:3000/search, got '${text}'.`)
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const addresses = isIP(host) === 0 ? await addressesOf(host) : [host]
  const foreign = addresses.find((address) => !OWN.has(ipaddr.process(address).range()))
  if (foreign !== undefined && !ownsIt) {
    const where = foreign === host ? foreign : `${host} (${foreign})`
    throw new ConfigError(
      `${where} is neither a loopback nor a private address. Load on somebody else's server is an attack: add --i-own-this if it is yours.`,
    )
  }
  const [address = host] = addresses
  return { url, address, family: isIP(address) === 6 ? 6 : 4 }
}

async function addressesOf(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address)
  } catch {
    throw new ConfigError(`The host ${host} cannot be resolved.`)
  }
}
