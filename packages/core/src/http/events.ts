import { builtin, type Channel } from '../builtin.js'
import type { Decision } from '../decision.js'
import { Emitter } from '../emitter.js'
import type { StoreEvents } from '../failover/failover.js'
import type { Policy } from '../policy.js'

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

/** A listener that throws is told of by `error` and hurts no request. */
export function requestEvents<Req>(): RequestEvents<Req> {
  const events: RequestEvents<Req> = new Emitter((error, name, event) => {
    if (name !== 'error') events.emit('error', { error, request: 'request' in event ? event.request : undefined })
  })
  return events
}

/** Node's diagnostics channel, for whoever observes a whole process; absent elsewhere. */
export const decisionChannel: Channel | undefined = builtin('node:diagnostics_channel')?.channel('sluice:decision')
