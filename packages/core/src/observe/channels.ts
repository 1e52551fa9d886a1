import type { Decision } from '../decisions/decision.js'
import type { StoreError } from '../errors.js'
import type { Policy } from '../policies/policy.js'
import { builtin, type Channel } from '../runtime/builtin.js'
import type { StoreFault, StoreOperation } from './observer.js'

/** What is published on the diagnostics channel `sluice:decision`. */
export interface DecisionMessage {
  readonly limit: string
  readonly decision: Decision
  /** The framework's request; `undefined` where there is no HTTP. */
  readonly request: unknown
}

/** What is published on `sluice:denied`: of a decision that denied, or with `shadow: true` that a shadow policy would have denied. */
export interface DeniedMessage extends DecisionMessage {
  /** The method and the pattern of the route, where the framework knows it by then. */
  readonly route: string | undefined
  readonly shadow: boolean
}

/** What is published on `sluice:quota`: a key's usage has passed a share of `warnAt`, or a step of `warnEvery`. */
export interface QuotaMessage {
  readonly limit: string
  readonly policy: Policy
  readonly key: string
  /** The used share that was crossed; above 1 where it is over its quota. */
  readonly share: number
  /** Units used since. */
  readonly used: number
}

/** What is published on `sluice:ban`: a key was shut out. */
export interface BanMessage {
  readonly limit: string
  readonly key: string
  /** Unix milliseconds. */
  readonly until: number
  /** How often in a row. */
  readonly times: number
}

/** What happened to a store. Times in milliseconds. */
export type StoreNews =
  | { readonly event: 'answered'; readonly operation: StoreOperation; readonly tookMs: number }
  | { readonly event: 'failed'; readonly operation: StoreOperation; readonly fault: StoreFault }
  | { readonly event: 'degraded'; readonly error: StoreError; readonly part: string }
  | { readonly event: 'recovered'; readonly part: string; readonly afterMs: number }

/** What is published on `sluice:store`; of a store in this process only what goes wrong with it. `store` is its URL without secrets. */
export type StoreMessage = { readonly store: string } & StoreNews

const channel = (name: string): Channel | undefined => builtin('node:diagnostics_channel')?.channel(name)

/** Node's diagnostics channels, for whoever observes a whole process; absent elsewhere. Without subscribers they cost a test. */
export const decisionChannel: Channel | undefined = channel('sluice:decision')
export const deniedChannel: Channel | undefined = channel('sluice:denied')
export const storeChannel: Channel | undefined = channel('sluice:store')
export const quotaChannel: Channel | undefined = channel('sluice:quota')
export const banChannel: Channel | undefined = channel('sluice:ban')
