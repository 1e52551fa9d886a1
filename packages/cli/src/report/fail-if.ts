import { ConfigError } from '@sluice/core'
import type { SimulationResult } from '../result/result.js'
import { CommandError, EXIT } from '../terminal/exit.js'

/** A condition under which a command ends with exit code 3. */
export interface FailIf {
  readonly text: string
  /** The limits that fulfil it, in a sentence each. */
  failures(measures: readonly Measured[]): readonly string[]
}

/** What conditions look at. Shares go from 0 to 1. */
export interface Measured {
  readonly name: string
  readonly values: Readonly<Record<string, MeasuredValue>>
  /** Why nothing was measured: then every condition on it counts as failed. */
  readonly nothing?: string | undefined
}

export interface MeasuredValue {
  readonly count: number
  readonly share: number
  /** What messages call it, where that is not its name. */
  readonly label?: string
}

const CONDITION = /^(?:(?<limit>.+):)?(?<measure>[a-z-]+)\s*(?<sign>>=|>|<=|<)\s*(?<value>\d+(?:\.\d+)?)(?<unit>\s*%)?$/

/**
 * `denied>0.5%`, `keys>3`, `login:succeeded>1%`.
 * @throws {ConfigError} on anything else.
 */
export function parseFailIf(text: string, measures: readonly string[]): FailIf {
  const { limit, measure = '', sign = '', value, unit } = CONDITION.exec(text.trim())?.groups ?? {}
  if (value === undefined || !measures.includes(measure)) {
    throw new ConfigError(
      `--fail-if: expected a condition such as '${measures[0]}>0.5%' or 'login:${measures[1] ?? measures[0]}>3', of ` +
        `${measures.join(', ')}; got '${text}'.`,
    )
  }
  const isShare = unit !== undefined
  const bound = isShare ? Number(value) / 100 : Number(value)
  return {
    text,
    failures(all) {
      if (limit !== undefined && !all.some(({ name }) => name === limit)) {
        throw new ConfigError(
          `--fail-if: no limit is named "${limit}". The limits are: ${all.map(({ name }) => name).join(', ')}.`,
        )
      }
      return all.flatMap(({ name, values, nothing }) => {
        const found = values[measure]
        if (found === undefined || (limit !== undefined && name !== limit)) return []
        if (nothing !== undefined) return [`${name}: ${nothing} (--fail-if '${text}')`]
        const actual = isShare ? found.share : found.count
        if (!compare(actual, sign, bound)) return []
        return [
          `${name}: ${found.label ?? measure} is ${isShare ? `${(actual * 100).toFixed(3)}%` : actual} (--fail-if '${text}')`,
        ]
      })
    },
  }
}

/** @throws {CommandError} with a sentence for each condition that holds. */
export function checkConditions(conditions: readonly FailIf[], measures: readonly Measured[]): void {
  const failures = conditions.flatMap((condition) => condition.failures(measures))
  if (failures.length > 0) throw new CommandError(failures.join('\n'), EXIT.condition)
}

function compare(actual: number, sign: string, bound: number): boolean {
  if (sign === '>') return actual > bound
  if (sign === '>=') return actual >= bound
  return sign === '<' ? actual < bound : actual <= bound
}

/** What `sluice simulate --fail-if` can ask for. */
export const SIMULATION_MEASURES: readonly string[] = ['denied', 'keys', 'succeeded']

export function simulationMeasures({ limits }: SimulationResult): readonly Measured[] {
  return limits.map((limit) => {
    const requests = Math.max(1, limit.allowed + limit.denied)
    return {
      name: limit.name,
      nothing: limit.allowed + limit.denied === 0 ? 'it covered no request' : undefined,
      values: {
        denied: { count: limit.denied, share: limit.denied / requests },
        keys: { count: limit.keysDenied, share: limit.keysDenied / Math.max(1, limit.keys) },
        succeeded: { count: limit.succeeded, share: limit.succeeded / requests },
      },
    }
  })
}
