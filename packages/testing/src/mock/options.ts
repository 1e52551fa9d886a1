import { ConfigError } from '@sluice/core'
import { checkOptions, checkWhole, shown } from '@sluice/core/runtime'
import type { Preset, PresetName } from '../presets/preset.js'
import { presetOf } from '../presets/presets.js'
import type { MockAnswer } from './answer.js'
import type { Fault } from './faults.js'
import type { Latency } from './latency.js'
import type { MockLimits } from './limits.js'
import type { ReceivedRequest } from './received-request.js'

export interface MockApiOptions {
  /** Policies for all requests, or by route; without them, nothing is limited. */
  readonly limits?: MockLimits | undefined
  /** The API whose header fields, denials and answers are spoken. Defaults to `'ietf'`. */
  readonly preset?: PresetName | undefined
  /** What goes wrong, counted by request. */
  readonly faults?: Fault | readonly Fault[] | undefined
  /** Milliseconds before an answer, `[from, to]`, or a function of the request. Defaults to 0. */
  readonly latency?: Latency | undefined
  /** An OpenAPI document, or its path: the mock then has its routes, and answers with its examples. */
  readonly openapi?: string | URL | object | undefined
  /** Answers requests that no limit denies and no fault concerns; where it returns `undefined`, the mock answers as usual. */
  readonly respond?:
    | ((request: ReceivedRequest) => MockAnswer | undefined | Promise<MockAnswer | undefined>)
    | undefined
  /**
   * What limits count by and violations are found by: whole milliseconds that never go back, such as a `manualClock()`. Latency and
   * hangs stay in real time. Defaults to real time.
   */
  readonly clock?: (() => number) | undefined
  /** Defaults to 0, for any that is free. */
  readonly port?: number | undefined
  /** Is called when a request has ended, for a log. */
  readonly onRequest?: ((request: ReceivedRequest) => void) | undefined
}

/** The options, checked. */
export interface CheckedMock extends MockApiOptions {
  readonly speaks: Preset
}

const KNOWN = ['limits', 'preset', 'faults', 'latency', 'openapi', 'respond', 'clock', 'port', 'onRequest']

/** @throws {ConfigError} on an option that cannot be right. */
export function checkMock(options: MockApiOptions): CheckedMock {
  checkOptions('mockApi()', options, KNOWN)
  const { preset = 'ietf', respond, clock, onRequest, port } = options
  for (const [name, value] of Object.entries({ respond, clock, onRequest })) {
    if (value !== undefined && typeof value !== 'function') {
      throw new ConfigError(`${name}: expected a function, got ${shown(value)}.`)
    }
  }
  if (port !== undefined) checkWhole('port', port, 0, 65_535)
  return { ...options, speaks: presetOf(preset) }
}
