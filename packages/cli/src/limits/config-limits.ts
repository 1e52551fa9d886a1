import type { Config, ConfiguredLimit, ConfiguredLimitOptions } from '@sluice/config'
import { ConfigError, type Decision, type MemoryStore, memoryStore, type Policy } from '@sluice/core'
import { type Admits, createLimit } from '@sluice/core/http'
import { type EnforcedLimit, enforcedBy } from '@sluice/core/observe'
import { describe, isThenable } from '@sluice/core/runtime'
import type { LogEntry, WantedFields } from '../logs/entry.js'
import { isSecretSource, KeyNumbers } from './entry-keys.js'
import { policyText } from './policy-text.js'
import {
  headersReadBy,
  type ReplayedRequest,
  ReplayedRequests,
  ReplayedResponse,
  replayedReader,
} from './replayed-request.js'
import { isRoute, matches, routePattern } from './route-pattern.js'
import type { BoundLimit, SimulatedLimit } from './simulated-limit.js'

type Middleware = Admits<ReplayedRequest>

/** Where the limits of a configuration hold. */
export interface ConfigRoutes {
  /** By the name of a limit; `undefined` names all. */
  readonly routes: ReadonlyMap<string | undefined, string>
  /** Routes of an OpenAPI file by `operationId`. */
  readonly operations: ReadonlyMap<string, string>
}

/**
 * The limits of a configuration, decided by the guard that servers use: keys, plans, costs, lists and refunds as there.
 * @throws {ConfigError} where it has none.
 */
export function configLimits(
  config: Config,
  { routes: own, operations }: ConfigRoutes,
  wanted: WantedFields,
): readonly SimulatedLimit[] {
  const names = Object.keys(config.limits ?? {})
  if (names.length === 0) throw new ConfigError('--config: the file has no limits.')
  const routes = new Map<string | undefined, string>([...operations, ...own])
  const requests = new ReplayedRequests(headersOf(config), wanted)
  return names.map((name) =>
    configLimit(config, name, routes.get(name) ?? routeIn(name) ?? routes.get(undefined), requests),
  )
}

/** A limit that is named like a route, as proposals are, covers that route. */
function routeIn(name: string): string | undefined {
  return isRoute(name) ? name : undefined
}

/** What a replay cannot do, or what would hide what the limit does. */
const LEFT_OUT = ['ban', 'delay', 'id', 'keepIdsMs', 'response', 'deny', 'shadow', 'warnAt', 'warnEvery'] as const

const NOTES: Readonly<Partial<Record<(typeof LEFT_OUT)[number], string>>> = {
  ban: 'bans are not simulated; what they would deny is not counted',
  delay: 'delays are not simulated; requests that would wait count as denied',
  id: 'ids are not simulated; every request counts',
  shadow: 'it is in shadow mode; the result is that of enforcing it',
}

function configLimit(
  config: Config,
  name: string,
  route: string | undefined,
  requests: ReplayedRequests,
): SimulatedLimit {
  const options = optionsOf(config, name)
  const pattern = route === undefined ? undefined : routePattern(route)
  const numbers = new KeyNumbers()
  let unplanned = 0
  const known = enforcedBy(middlewareOf(config, name, memoryStore()))
  const keyText = keyTextOf(known)
  return {
    name,
    text: textOf(known),
    routes: pattern?.text,
    keys: {
      text: keyText,
      isSecret: isSecretSource(keyText),
      keys: numbers.keys,
      placeOf: ({ asks: [ask] }) => numbers.placeOf(ask?.key ?? ''),
    },
    isWeighted: known?.policies.flat().some((policy) => policy.cost !== 1) ?? true,
    notes: () => [
      ...notesOf(options),
      ...notesOf(config),
      ...concurrencyNotes(known),
      ...(unplanned === 0 ? [] : [`${unplanned} requests are on no plan that there is, and were not limited`]),
      ...requests.missing.map((header) => `no line has the header ${header}, which the configuration reads`),
    ],
    covers: pattern === undefined ? () => true : (entry) => matches(pattern, entry),
    bind(store) {
      const limit = middlewareOf(config, name, store)
      return {
        policies: enforcedBy(limit)?.policies.flatMap((plan) => plan.map(({ policy }) => policy)) ?? [],
        decide(entry) {
          const decision = decide(limit, entry, requests.of(entry), name)
          if (decision !== 'unplanned') return decision
          unplanned++
          return undefined
        },
      } satisfies BoundLimit
    },
  }
}

function decide(
  limit: Middleware,
  entry: LogEntry,
  request: ReplayedRequest,
  name: string,
): Decision | undefined | 'unkeyed' | 'unplanned' {
  const response = new ReplayedResponse(entry.status)
  try {
    const passage = limit.admit(request, response)
    if (isThenable(passage)) {
      throw new ConfigError(
        `--config: the limit "${name}" waits, by an async function or a queue; that is not simulated.`,
      )
    }
    // What the status gives back is given back now.
    response.finish()
    return passage.decision
  } catch (error) {
    const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
    if (code === 'SLUICE_KEY') return 'unkeyed'
    if (code === 'SLUICE_PLAN') return 'unplanned'
    throw error
  }
}

function middlewareOf(config: Config, name: string, store: MemoryStore): Middleware {
  const { watch: _watch, store: _store, instances: _instances, plans, limits: _limits, ...defaults } = config
  try {
    const limit = createLimit<ReplayedRequest, Middleware, undefined>(
      replayedReader,
      {
        ...without(defaults),
        headers: [],
        store,
        ...(plans === undefined ? {} : { plans }),
        limits: { [name]: without(optionsOf(config, name)) },
      },
      (guard) => ({ admit: (...asked) => guard.admit(...asked) }),
      () => undefined,
    )
    return limit.named(name)
  } catch (error) {
    throw new ConfigError(`--config: the limit "${name}": ${describe(error)}`)
  }
}

function optionsOf({ limits = {} }: Config, name: string): ConfiguredLimitOptions {
  const limit = limits[name]
  return isOptions(limit) ? limit : { policies: limit }
}

function isOptions(limit: ConfiguredLimit | undefined): limit is ConfiguredLimitOptions {
  if (typeof limit !== 'object' || Array.isArray(limit)) return false
  // A policy has a plan too.
  return 'policies' in limit || ('plan' in limit && !('algorithm' in limit))
}

function without<T extends object>(options: T): Omit<T, (typeof LEFT_OUT)[number]> {
  const left = Object.entries(options).filter(([name]) => !LEFT_OUT.some((out) => out === name))
  return Object.fromEntries(left) as Omit<T, (typeof LEFT_OUT)[number]>
}

function notesOf(options: object): readonly string[] {
  return LEFT_OUT.flatMap((name) => {
    const note = NOTES[name]
    return note !== undefined && Reflect.get(options, name) !== undefined ? [note] : []
  })
}

function concurrencyNotes(limit: EnforcedLimit | undefined): readonly string[] {
  const policies = limit?.policies.flat() ?? []
  return policies.some(({ policy }) => policy.lease !== undefined)
    ? ['slots are not simulated: requests end at once']
    : []
}

function textOf(limit: EnforcedLimit | undefined): string {
  const lists = limit?.policies ?? []
  const text = (policies: readonly { readonly policy: Policy }[]): string =>
    policies.map(({ policy }) => policyText(policy)).join(', ')
  if (lists.length === 1) return text(lists[0] ?? [])
  return lists.map((policies) => `${policies[0]?.policy.plan ?? 'plan'} ${text(policies)}`).join(' | ')
}

function keyTextOf(limit: EnforcedLimit | undefined): string {
  const keys = limit?.policies.flat().map(({ key }) => (key === undefined ? 'ip' : sourceOf(key))) ?? []
  return [...new Set(keys)].join(' and ') || 'ip'
}

const SOURCE: unique symbol = Symbol.for('sluice.source') as never

/** Key functions of configuration files say what they read. */
function sourceOf(key: object): string {
  const source: unknown = Reflect.get(key, SOURCE)
  return typeof source === 'string' ? source : 'key function'
}

/** The headers that the functions of a configuration read. */
function headersOf(config: Config): ReadonlySet<string> {
  return new Set(functionsIn(config, 0).flatMap((use) => [...headersReadBy(use)]))
}

type Use = (request: ReplayedRequest) => unknown

function functionsIn(value: unknown, depth: number): readonly Use[] {
  if (typeof value === 'function') return [value as Use]
  if (typeof value !== 'object' || value === null || depth > 5) return []
  return Object.entries(value).flatMap(([name, own]) =>
    // These are no functions of the request.
    name === 'watch' || name === 'refund' || name === 'response' || name === 'calendar'
      ? []
      : functionsIn(own, depth + 1),
  )
}
