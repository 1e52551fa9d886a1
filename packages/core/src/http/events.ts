import type { Decision } from '../decisions/decision.js'
import { describe } from '../errors.js'
import type { StoreEvents } from '../failover/failover.js'
import type { Policy } from '../policies/policy.js'
import { builtin, type Channel, warn } from '../runtime/builtin.js'
import { Emitter } from '../runtime/emitter.js'

/** What `on` can be asked for, and what the listener is given. */
export interface Events<Req> extends Omit<StoreEvents, 'error'> {
  /** Every decision, allowed or not. */
  decision: { readonly decision: Decision; readonly request: Req }
  /** A decision that denied, or with `shadow: true` one that a shadow policy would have. */
  denied: { readonly decision: Decision; readonly request: Req; readonly shadow: boolean }
  /** A take that carried a policy's used share over one of its `warnAt`; once per crossing. */
  warning: { readonly policy: Policy; readonly key: string; readonly share: number; readonly request: Req }
  /** Something threw: a function of the limit's options or a listener; or one bucket of the store could not be used. */
  error: { readonly error: unknown; readonly request?: Req | undefined }
}

/** What all limits of one `sluice()` tell. */
export type RequestEvents<Req> = Emitter<Events<Req>>

const NAMES = ['decision', 'denied', 'warning', 'error', 'degraded', 'recovered'] as const

/** A listener that throws or rejects is reported by `error`, and harms no request. */
export function requestEvents<Req>(): RequestEvents<Req> {
  const events: RequestEvents<Req> = new Emitter(NAMES, (error, name, event) => {
    if (name === 'error') warn('SLUICE_LISTENER', `A listener for 'error' failed: ${describe(error)}`)
    else events.emit('error', { error, request: 'request' in event ? event.request : undefined })
  })
  return events
}

/** Node's diagnostics channel, for whoever observes a whole process; absent elsewhere. */
export const decisionChannel: Channel | undefined = builtin('node:diagnostics_channel')?.channel('sluice:decision')
