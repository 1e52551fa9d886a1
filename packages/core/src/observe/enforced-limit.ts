import type { Dialect } from '../http/headers.js'
import type { Policy } from '../policies/policy.js'

/** One policy of a limit, with what each request takes of it and whose it is. */
export interface EnforcedPolicy {
  readonly policy: Policy
  /** Units that each request takes; `undefined` where that depends on the request. */
  readonly cost: number | undefined
  /** Returns a request's key; `undefined` where its client's address is the key. */
  readonly key: ((request: never) => unknown) | undefined
}

/** What a middleware enforces, for whoever documents it. */
export interface EnforcedLimit {
  readonly name: string
  /** The policies of each plan; one list without plans, and none where a function returns them for each request. */
  readonly policies: readonly (readonly EnforcedPolicy[])[]
  readonly dialects: readonly Dialect[]
  /** Whether denials are the usual ones, with problem details. */
  readonly isUsual: boolean
}

/** The config of a Fastify route, which can exempt the route from a limit of its scope. */
interface RouteConfig {
  readonly limit?: unknown
}

type Enforced = (config?: RouteConfig) => EnforcedLimit | undefined

/** Where a middleware has what it enforces: any copy of this module finds it. */
const ENFORCED: unique symbol = Symbol.for('sluice.enforced') as never

/** Lets a middleware say what it enforces. */
export function enforces<T extends object>(middleware: T, enforced: Enforced): T {
  return Object.defineProperty(middleware, ENFORCED, { value: enforced })
}

/** What a middleware enforces at this moment; `undefined` for any other value. */
export function enforcedBy(middleware: unknown, config?: RouteConfig): EnforcedLimit | undefined {
  return (middleware as { [ENFORCED]?: Enforced } | null | undefined)?.[ENFORCED]?.(config)
}
