import {
  ConfigError,
  createLimiter,
  fixedWindow,
  type Limiter,
  type MemoryStore,
  type Policy,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from '@sluice/core'
import { describe } from '@sluice/core/runtime'
import type { LogEntry, WantedFields } from '../logs/entry.js'
import { ofEachName } from './by-limit.js'
import { checkField } from './field-text.js'
import { type KeyReader, keyReader } from './key-reader.js'
import { type LimitText, parseLimitText } from './limit-text.js'
import { matches, type RoutePattern, routePattern } from './route-pattern.js'
import type { SimulatedLimit } from './simulated-limit.js'

/** Units that an entry takes. */
interface EntryCost {
  /** Whether it may be other than 1. */
  readonly isWeighted: boolean
  of(entry: LogEntry): number
  notes(): readonly string[]
}

/** What the command line says of limits. A text that begins with `name=` is of that limit, any other of all. */
export interface LimitOptions {
  readonly limits: readonly string[]
  readonly keys: readonly string[]
  readonly routes: readonly string[]
  readonly costs: readonly string[]
  readonly algorithm: string | undefined
  /** Routes of an OpenAPI file by their `operationId`: a limit of that name covers the operation. */
  readonly operations: ReadonlyMap<string, string>
}

export const ALGORITHMS: Readonly<Record<string, (text: '1/s') => Policy>> = {
  'sliding-window': slidingWindow,
  'fixed-window': fixedWindow,
  'sliding-log': slidingLog,
  'token-bucket': tokenBucket,
}

/** @throws {ConfigError} on anything that cannot be right. */
export function commandLimits(options: LimitOptions, wanted: WantedFields): readonly SimulatedLimit[] {
  const texts = options.limits.map(parseLimitText)
  const names = texts.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new ConfigError(`--limit: two limits are named "${twice}"; name them, as in 'other: 5/min'.`)
  const keys = ofEachName('--key', options.keys, names)
  const routes = ofEachName('--route', options.routes, names)
  const costs = ofEachName('--cost', options.costs, names)
  const readers = new Map<string, KeyReader>()
  return texts.map((text) => {
    const keyText = keys.get(text.name) ?? keys.get(undefined) ?? 'ip'
    const reader = readers.get(keyText) ?? keyReader(keyText, wanted)
    readers.set(keyText, reader)
    const own = text.route ?? routes.get(text.name) ?? options.operations.get(text.name) ?? routes.get(undefined)
    const cost = costOf(costs.get(text.name) ?? costs.get(undefined), wanted)
    return commandLimit(text, reader, own === undefined ? undefined : routePattern(own), cost, options.algorithm)
  })
}

function commandLimit(
  { name, policies, text }: LimitText,
  reader: KeyReader,
  route: RoutePattern | undefined,
  cost: EntryCost,
  algorithm: string | undefined,
): SimulatedLimit {
  return {
    name,
    text,
    routes: route?.text,
    keys: reader,
    isWeighted: cost.isWeighted,
    notes: () => cost.notes(),
    covers: route === undefined ? () => true : (entry) => matches(route, entry),
    bind(store) {
      const limiter = limiterOf(
        name,
        policies.map((one) => by(algorithm, one)),
        store,
      )
      return {
        policies: limiter.policies,
        decide(entry, place) {
          const key = reader.keys[place]
          if (key === undefined) return 'unkeyed'
          const units = cost.of(entry)
          return units === 1 ? limiter.consume(key) : limiter.consume(key, { cost: units })
        },
      }
    },
  }
}

function limiterOf(name: string, policies: readonly (string | Policy)[], store: MemoryStore): Limiter<MemoryStore> {
  try {
    return createLimiter({ name: bucketName(name), policies, store })
  } catch (error) {
    throw new ConfigError(`--limit '${name}': ${describe(error)}`)
  }
}

/** Limits may be named by their text or route; names of policies have fewer characters. */
function bucketName(name: string): string {
  return (
    name
      .replace(/[^\w.-]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 60) || 'limit'
  )
}

function by(algorithm: string | undefined, policy: string | Policy): string | Policy {
  if (algorithm === undefined || typeof policy !== 'string') return policy
  const make = ALGORITHMS[algorithm]
  if (make !== undefined) return make(policy as '1/s')
  throw new ConfigError(`--algorithm: expected one of ${Object.keys(ALGORITHMS).join(', ')}, got '${algorithm}'.`)
}

/** A number, or a field with one. What is no number costs 1. */
function costOf(text: string | undefined, wanted: WantedFields): EntryCost {
  const number = text === undefined ? 1 : /^\d+$/.test(text) ? Number(text) : undefined
  if (number !== undefined) return { isWeighted: number !== 1, of: () => number, notes: () => [] }
  const place = wanted.place(checkField('--cost: expected a number,', text ?? ''))
  let missing = 0
  return {
    isWeighted: true,
    of({ values }) {
      const value = Math.round(Number(values[place] ?? Number.NaN))
      if (Number.isSafeInteger(value) && value >= 0) return value
      missing++
      return 1
    },
    notes: () => (missing === 0 ? [] : [`${missing} requests have no number in ${text}, and cost 1`]),
  }
}
