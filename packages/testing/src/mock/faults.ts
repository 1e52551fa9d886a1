import { ConfigError } from '@sluice/core'
import { checkOptions, checkWhole, shown } from '@sluice/core/runtime'
import { matches, type RoutePattern, routePattern } from './route-pattern.js'

/** Which requests a fault is for: all of them, where nothing is given. */
export interface FaultedRequests {
  /** Every so many-th request: 7 is the 7th, the 14th, and so on. */
  readonly every?: number | undefined
  /** From this request on; the first is 1. */
  readonly from?: number | undefined
  /** Up to this request, which is included. */
  readonly to?: number | undefined
  /** Only requests of this route, which are then counted apart: `'POST /v1/*'`. */
  readonly route?: string | undefined
}

/** Answers with an error before any limit is asked. */
export interface StatusFault extends FaultedRequests {
  readonly status: number
  /** Seconds to send as `Retry-After`. */
  readonly retryAfter?: number | undefined
  /** How `Retry-After` is written. Defaults to `'seconds'`. */
  readonly retryAfterForm?: 'seconds' | 'date' | undefined
}

/** Never answers. */
export interface HangFault extends FaultedRequests {
  readonly hang: true
}

/** Resets the connection: before the response, or with `'body'` in the middle of its body. */
export interface ResetFault extends FaultedRequests {
  readonly reset: true | 'body'
}

/** The server's clock is ahead by so many milliseconds, or behind where negative: `Date` and all instants in header fields. */
export interface ClockFault extends FaultedRequests {
  readonly clockSkewMs: number
}

export type Fault = StatusFault | HangFault | ResetFault | ClockFault

/** What goes wrong with one request. */
export interface Misfortune {
  /** The first that applies of those that replace the answer. */
  readonly fault: StatusFault | HangFault | ResetFault | undefined
  readonly skewMs: number
}

interface Counted {
  readonly fault: Fault
  readonly route: RoutePattern | undefined
  count: number
}

/** Decides by counting which requests go wrong, so that a test does not depend on chance. */
export class Faults {
  readonly #faults: readonly Counted[]

  /** @throws {ConfigError} on a fault that cannot be right. */
  constructor(given: Fault | readonly Fault[] | undefined) {
    const list: readonly unknown[] = Array.isArray(given) ? given : given === undefined ? [] : [given]
    this.#faults = list.map((one) => {
      const fault = checkFault(one)
      const route = fault.route === undefined ? undefined : routePattern('faults: route', fault.route)
      return { fault, route, count: 0 }
    })
  }

  next(method: string, path: string): Misfortune {
    let fault: Misfortune['fault']
    let skewMs = 0
    for (const counted of this.#faults) {
      if (counted.route !== undefined && !matches(counted.route, method, path)) continue
      counted.count += 1
      if (!applies(counted.fault, counted.count)) continue
      if ('clockSkewMs' in counted.fault) skewMs += counted.fault.clockSkewMs
      else fault ??= counted.fault
    }
    return { fault, skewMs }
  }

  /** Counts from 1 again. */
  reset(): void {
    for (const counted of this.#faults) counted.count = 0
  }
}

function applies({ every = 1, from = 1, to = Number.POSITIVE_INFINITY }: Fault, count: number): boolean {
  return count >= from && count <= to && count % every === 0
}

const WHEN = ['every', 'from', 'to', 'route'] as const
const EXAMPLE =
  "{ every: 7, status: 503 }, { from: 5, to: 9, status: 429, retryAfter: 2 }, { every: 10, hang: true }, { to: 1, reset: 'body' } or { clockSkewMs: -120_000 }"

function checkFault(given: unknown): Fault {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new ConfigError(`faults: expected faults such as ${EXAMPLE}, got ${shown(given)}.`)
  }
  const { every, from, to } = given as FaultedRequests
  for (const [name, value] of Object.entries({ every, from, to })) {
    if (value !== undefined) checkWhole(`faults: ${name}`, value, 1, Number.MAX_SAFE_INTEGER)
  }
  if (from !== undefined && to !== undefined && from > to) {
    throw new ConfigError(`faults: from (${from}) is after to (${to}), so the fault would never happen.`)
  }
  const kinds = (['status', 'hang', 'reset', 'clockSkewMs'] as const).filter((kind) => kind in given)
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1) {
    throw new ConfigError(`faults: each fault does one thing, as in ${EXAMPLE}.`)
  }
  checkOptions('a fault', given, [...WHEN, kind, ...(kind === 'status' ? ['retryAfter', 'retryAfterForm'] : [])])
  CHECKS[kind](given as Readonly<Record<string, unknown>>)
  return given as Fault
}

const CHECKS: Readonly<
  Record<'status' | 'hang' | 'reset' | 'clockSkewMs', (fault: Readonly<Record<string, unknown>>) => void>
> = {
  status({ status, retryAfter, retryAfterForm = 'seconds' }) {
    checkWhole('faults: status', status, 400, 599)
    if (retryAfter !== undefined) checkWhole('faults: retryAfter, in seconds', retryAfter, 0, 1_000_000_000)
    if (retryAfterForm !== 'seconds' && retryAfterForm !== 'date') {
      throw new ConfigError(`faults: retryAfterForm is 'seconds' or 'date', got ${shown(retryAfterForm)}.`)
    }
  },
  hang({ hang }) {
    if (hang !== true) throw new ConfigError(`faults: hang is true, got ${shown(hang)}.`)
  },
  reset({ reset }) {
    if (reset !== true && reset !== 'body') {
      throw new ConfigError(`faults: reset is true or 'body', got ${shown(reset)}.`)
    }
  },
  clockSkewMs({ clockSkewMs }) {
    checkWhole('faults: clockSkewMs', clockSkewMs, -1e12, 1e12)
  },
}
