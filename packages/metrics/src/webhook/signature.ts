import { createHmac } from 'node:crypto'
import { ConfigError } from '@sluice/core'

/** The shortest secret that Standard Webhooks allows, and the longest. */
const LEAST_BYTES = 24
const MOST_BYTES = 64

/** Signs messages as Standard Webhooks says: https://www.standardwebhooks.com. */
export type Signer = (id: string, seconds: number, body: string) => string

/**
 * With several secrets a message has a signature by each, so that a receiver can change its own at any time.
 * @throws {ConfigError} on a secret that is none; the sentence does not contain it.
 */
export function signerFor(secrets: string | readonly string[]): Signer {
  const keys = [secrets].flat().map(keyOf)
  if (keys.length === 0) throw new ConfigError(`webhook(): secret is an empty list. ${SECRET_EXAMPLE}`)
  return (id, seconds, body) =>
    keys.map((key) => `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`).join(' ')
}

export const SECRET_EXAMPLE: string = "Make one with: node -p \"'whsec_' + crypto.randomBytes(24).toString('base64')\""

function keyOf(secret: unknown): Buffer {
  const [, text] = typeof secret === 'string' ? (/^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? []) : []
  const key = Buffer.from(text ?? '', 'base64')
  if (text !== undefined && key.length >= LEAST_BYTES && key.length <= MOST_BYTES) return key
  throw new ConfigError(
    `webhook(): secret is 'whsec_' and ${LEAST_BYTES} to ${MOST_BYTES} bytes as base64; this one is not (${
      typeof secret === 'string' ? `${secret.length} letters` : typeof secret
    }). ${SECRET_EXAMPLE}`,
  )
}
