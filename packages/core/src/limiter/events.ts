import type { Decision } from '../decisions/decision.js'
import { describe } from '../errors.js'
import { Complaints } from '../failover/complaints.js'
import type { Failover, StoreEvents } from '../failover/failover.js'
import type { Policy } from '../policies/policy.js'
import { warn } from '../runtime/builtin.js'
import { Emitter, type Listener } from '../runtime/emitter.js'

/** What `on` can be asked for, and what the listener is given. `request` is `undefined` where there is no HTTP. */
export interface Events<Req> extends Omit<StoreEvents, 'error'> {
  /** Every decision, allowed or not, and the name of the limit that made it. */
  decision: { readonly limit: string; readonly decision: Decision; readonly request: Req }
  /**
   * A decision that denied, or with `shadow: true` one that a shadow policy would have. `route` is the method and the
   * pattern of the route, as in `'GET /users/:id'`, where the framework knows it by then.
   */
  denied: {
    readonly limit: string
    readonly decision: Decision
    readonly request: Req
    readonly route: string | undefined
    readonly shadow: boolean
  }
  /**
   * A take that carried a policy's used share over one of its `warnAt`, or over a step of `warnEvery`: `share` is the one
   * that was crossed, `used` the units used since. Once for each, over all processes.
   */
  warning: {
    readonly limit: string
    readonly policy: Policy
    readonly key: string
    readonly share: number
    readonly used: number
    readonly request: Req
  }
  /** A key was denied too often and is shut out, until this time in Unix milliseconds; how many times it has now been banned in a row. */
  banned: { readonly limit: string; readonly key: string; readonly until: number; readonly times: number }
  /**
   * A slot expired although its holder had not released it: its process was held up for longer than `leaseMs`, or could not
   * reach the store for as long. Others may hold it by now.
   */
  lost: {
    readonly limit: string
    readonly decision: Decision
    readonly policy: Policy
    readonly key: string
    readonly request: Req
  }
  /** The limits of a configuration file were replaced by those that it has now. */
  reloaded: { readonly limits: readonly string[] }
  /** Something threw: a function of the limit's options or a listener; or one bucket of the store could not be used. */
  error: { readonly error: unknown; readonly request?: Req | undefined }
}

/** The events of all limits of one `sluice()`, or of one limiter. */
export type LimitEvents<Req> = Emitter<Events<Req>>

const NAMES = ['decision', 'denied', 'warning', 'banned', 'lost', 'reloaded', 'error', 'degraded', 'recovered'] as const

/** A listener that throws or rejects is reported by `error`, and harms no request. */
export function limitEvents<Req>(): LimitEvents<Req> {
  const complaints = new Complaints()
  const events: LimitEvents<Req> = new Emitter(NAMES, (error, name, event) => {
    if (name !== 'error') events.emit('error', { error, request: 'request' in event ? event.request : undefined })
    else if (complaints.isNew(error)) warn('SLUICE_LISTENER', `A listener for 'error' failed: ${describe(error)}`)
  })
  return events
}

/** Listens to decisions, and to the store's health: where nobody listens to that, the process is warned. */
export function listen<Req, Name extends keyof Events<Req>>(
  events: LimitEvents<Req>,
  failover: Failover,
  name: Name,
  listener: Listener<Events<Req>[Name]>,
): () => void {
  const off = events.on(name, listener)
  if (name !== 'degraded' && name !== 'recovered' && name !== 'error') return off
  const offStore = failover.on(name, listener as Listener<StoreEvents[keyof StoreEvents]>)
  return () => {
    off()
    offStore()
  }
}
