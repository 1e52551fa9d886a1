import type { InstancesOption, Policy } from '@sluice/core'
import type { LimitOptions } from '@sluice/core/http'
import type { ConfigRequest } from './config.js'

/**
 * What `sluice.config.js` and `.ts` export: the shape of the file in JSON and YAML, in which functions and policies may stand
 * too.
 * @example export default { limits: { login: '5/15min' } } satisfies ConfigFile
 */
export interface ConfigFile<Req = ConfigRequest> {
  /** The store's URL. Defaults to the memory of the process. */
  readonly store?: string | undefined
  /** Options of every limit without its own. */
  readonly defaults?: (FileOptions<Req> & InstancesOption) | undefined
  /** Policies by the name of a plan. */
  readonly plans?: Readonly<Record<string, FilePolicies<Req>>> | undefined
  /** Limits by name. */
  readonly limits?: Readonly<Record<string, FilePolicies<Req> | FileLimit<Req>>> | undefined
}

/** A limit with options of its own. */
export interface FileLimit<Req> extends FileOptions<Req> {
  readonly policies?: FilePolicies<Req> | undefined
  /** The header with the name of a request's plan, or a function that returns it. */
  readonly plan?: `header:${string}` | ((request: Req) => string) | undefined
}

/** A limit's options as core has them, with sources of keys. */
export interface FileOptions<Req> extends Omit<LimitOptions<Req>, 'name' | 'key'> {
  readonly key?: FileKey<Req> | undefined
}

/** Whose quota a request uses: its address, a header, the first of several, or what a function returns. */
export type FileKey<Req> = KeySource | readonly KeySource[] | ((request: Req) => string | Promise<string>)

export type KeySource = 'ip' | `header:${string}`

/** One policy or several. */
export type FilePolicies<Req> = FilePolicy<Req> | readonly FilePolicy<Req>[]

/** A text, a policy, or an object with exactly one constructor. */
export type FilePolicy<Req> =
  | string
  | Policy
  | (PolicyExtras<Req> & { readonly policy: string | Policy })
  | (PolicyExtras<Req> & { readonly slidingWindow: string; readonly subWindows?: number })
  | (PolicyExtras<Req> & { readonly fixedWindow: string })
  | (PolicyExtras<Req> & { readonly slidingLog: string })
  | (PolicyExtras<Req> & { readonly tokenBucket: string; readonly burst?: number })
  | (PolicyExtras<Req> & { readonly leakyBucket: string; readonly queue?: number; readonly burst?: number })
  | (PolicyExtras<Req> & FileQuota)

/** What every policy may have of its own. */
export interface PolicyExtras<Req> {
  readonly name?: string | undefined
  readonly key?: FileKey<Req> | undefined
  readonly cost?: number | ((request: Req) => number | Promise<number>) | undefined
}

/** A calendar quota, which needs @sluice/quota. */
export interface FileQuota {
  readonly quota: string
  /** IANA name; defaults to UTC. */
  readonly timeZone?: string
  /** When the period begins: a day of the month, a weekday, or a date. */
  readonly anchor?: number | Weekday | { readonly month: number; readonly day: number }
  readonly soft?: boolean
  readonly overage?: number
  readonly rollover?: number
  readonly history?: number
}

export type Weekday = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday'
