import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Decision } from '@sluice/core'
import type { ReceivedRequest } from './received-request.js'

/** What one policy said of itself in a response. */
export interface Reported {
  /** The bucket, together with the request's key. */
  readonly address: string
  readonly allowed: boolean
  readonly remaining: number
  /** Units that pass at once when nothing is used. */
  readonly capacity: number
  /** Milliseconds until there is more; `null` where no time is known. */
  readonly moreAfterMs: number | null
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** A request with what is known of its answer: what violations are found by. */
export interface LoggedRequest {
  readonly request: Writable<ReceivedRequest>
  /** The limit that decided; `undefined` where none did. */
  limit: string | undefined
  /** Whether the limit denied it. */
  denied: boolean
  /** What the response reported; nothing where its API reports nothing. */
  reported: readonly Reported[]
  /**
   * How long this process had been idle in all when the request arrived, and when it ended. A process that is busy gets to a request
   * long after it was sent, and clients in it get to a response long after that.
   */
  readonly arrivedIdleMs: number
  endedIdleMs: number | undefined
  /** Equal for requests that are the same: key, method, path and body. */
  readonly fingerprint: string
}

/** A request as it arrives. */
export function newLoggedRequest(number: number, at: number, idleMs: number, message: IncomingMessage): LoggedRequest {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(message.headers)) headers[name] = String(value)
  const { method = 'GET', url = '/' } = message
  const request: Writable<ReceivedRequest> = {
    ...{ number, method, path: url, headers, body: '', key: keyOf(headers, message), at },
    ...{ endedAt: undefined, status: undefined, waitMs: undefined },
  }
  let fingerprint: string | undefined
  return {
    ...{ request, arrivedIdleMs: idleMs, endedIdleMs: undefined, limit: undefined, denied: false, reported: [] },
    get fingerprint() {
      fingerprint ??= fingerprintOf(request)
      return fingerprint
    },
  }
}

/** What a decision said that clients could read. */
export function reportedBy(decision: Decision): readonly Reported[] {
  return decision.standings
    .filter(({ policy }) => !policy.shadow)
    .map(({ policy, allowed, remaining, moreAfterMs }) => ({
      address: policy.address,
      ...{ allowed, remaining, capacity: policy.capacity, moreAfterMs },
    }))
}

function keyOf(headers: Readonly<Record<string, string>>, message: IncomingMessage): string {
  const named = headers['authorization'] ?? headers['x-api-key'] ?? headers['api-key'] ?? ''
  return named === '' ? (message.socket.remoteAddress ?? 'unknown') : named
}

function fingerprintOf({ key, method, path, body }: ReceivedRequest): string {
  const text = JSON.stringify([key, method, path, body])
  return createHash('sha256').update(text).digest('base64')
}
