import { enforcedBy } from '@sluice/core/observe'
import { type DescribedLimit, type DescribeOptions, describedLimit } from '../limits/described-limit.js'
import { distinct, type LimitedRoute } from './limited-route.js'
import { samplePaths } from './path-template.js'

/** What a request meets on its way through an app: a limit that covers some paths, or a route. */
export type Station = CoveringLimit | Endpoint

/** A limit in front of whatever follows, under the paths that it covers. */
export interface CoveringLimit {
  readonly limits: readonly DescribedLimit[]
  covers(path: string): boolean
}

export interface Endpoint {
  readonly method: string
  /** As OpenAPI writes it. */
  readonly path: string
  readonly limits: readonly DescribedLimit[]
  /** Whether anything but limits is there: otherwise a later route of this path handles its requests. */
  readonly isHandled: boolean
  /** Whether requests can go on behind it. */
  readonly passesOn: boolean
  covers(path: string): boolean
}

/** Routes with the limits that a request meets before their handler, its own last. */
export function limitedBy(stations: readonly Station[]): readonly LimitedRoute[] {
  const before: Station[] = []
  const routes: LimitedRoute[] = []
  for (const station of stations) {
    if ('path' in station) {
      const { method, path } = station
      const samples = samplePaths(path)
      const met = before.filter((earlier) => isFor(earlier, method) && samples.some((sample) => earlier.covers(sample)))
      const limits = [...met, station].flatMap((one) => one.limits)
      if (station.isHandled) routes.push({ method, path, limits: distinct(limits) })
      if (station.passesOn && station.limits.length > 0) before.push(station)
    } else if (station.limits.length > 0) before.push(station)
  }
  return mostLimited(routes)
}

function isFor(station: Station, method: string): boolean {
  return !('method' in station) || station.method === '*' || station.method === method
}

/** Where a route is declared twice, its requests can meet the limits of both. */
function mostLimited(routes: readonly LimitedRoute[]): readonly LimitedRoute[] {
  const byPlace = new Map<string, LimitedRoute>()
  for (const route of routes) {
    const place = `${route.method} ${route.path}`
    const known = byPlace.get(place)
    if (known === undefined || known.limits.length < route.limits.length) byPlace.set(place, route)
  }
  return [...byPlace.values()]
}

/** The limits among the functions of a route. */
export function limitsAmong(handlers: readonly unknown[], options: DescribeOptions): readonly DescribedLimit[] {
  return handlers.flatMap((handler) => {
    const enforced = enforcedBy(handler)
    return (enforced && describedLimit(enforced, options)) ?? []
  })
}

/** Whether a function is a limit. */
export function isLimit(handler: unknown): boolean {
  return enforcedBy(handler) !== undefined
}
