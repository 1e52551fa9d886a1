import type { DescribedLimit } from '../limits/described-limit.js'

/** A route of an API, and the limits in front of it. */
export interface LimitedRoute {
  /** In capitals, as `POST`; `*` for every method. */
  readonly method: string
  /** As OpenAPI writes it: `/users/{id}`; `{*}` stands for any rest of a path. */
  readonly path: string
  /** Those that a request passes, in their order; empty where there are none. */
  readonly limits: readonly DescribedLimit[]
}

/** Each limit once, in the order in which they are met. */
export function limitsOf(routes: readonly Pick<LimitedRoute, 'limits'>[]): readonly DescribedLimit[] {
  return distinct(routes.flatMap(({ limits }) => limits))
}

/** Each limit once: a limit that is in front of a route twice counts a request once. */
export function distinct(limits: readonly DescribedLimit[]): readonly DescribedLimit[] {
  return [...new Map(limits.map((limit) => [identity(limit), limit])).values()]
}

/** Limits of two `sluice()`s may have one name. */
function identity({ name, policies }: DescribedLimit): string {
  return JSON.stringify([name, ...policies.map(({ plan, policy }) => [plan, policy.address, policy.quota])])
}
