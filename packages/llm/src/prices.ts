import { ConfigError } from '@sluice/core'
import { checkOptions, shown } from '@sluice/core/runtime'
import { heeded } from './complaints.js'
import type { Usage } from './usage/usage.js'

/** What a model costs, in dollars per million tokens. */
export interface Price {
  readonly input: number
  readonly output: number
  /** Input that is read from the provider's cache; defaults to `input`. */
  readonly cachedInput?: number | undefined
  /** Input that is written to the provider's cache; defaults to `input`. */
  readonly cacheWrite?: number | undefined
}

/** Prices by model: an object, or a function of the model's name. */
export type Prices = Readonly<Record<string, Price>> | ((model: string) => Price | undefined)

/** @throws {ConfigError} on a price that is none. */
export function checkPrices(prices: Prices | undefined): ((model: string) => Price | undefined) | undefined {
  if (prices === undefined) return undefined
  if (typeof prices === 'function') {
    return (model) => {
      const price = prices(model)
      heeded('prices', price)
      return price === undefined ? undefined : checkPrice(model, price)
    }
  }
  if (typeof prices !== 'object' || prices === null || Array.isArray(prices)) {
    throw new ConfigError(
      `prices: expected prices by model, as in { 'gpt-5': { input: 1.25, output: 10 } }, or a function, got ${shown(prices)}.`,
    )
  }
  const known = new Map(Object.entries(prices).map(([model, price]) => [model, checkPrice(model, price)]))
  return (model) => known.get(model)
}

function checkPrice(model: string, price: Price): Price {
  checkOptions(`prices: that of ${shown(model)}`, price, ['input', 'output', 'cachedInput', 'cacheWrite'])
  for (const name of ['input', 'output', 'cachedInput', 'cacheWrite'] as const) {
    const value: unknown = price[name]
    if (value === undefined && name !== 'input' && name !== 'output') continue
    if (typeof value === 'number' && value >= 0 && value <= LARGEST) continue
    throw new ConfigError(
      `prices: ${name} of ${shown(model)}: expected dollars per million tokens, from 0 to 1,000,000, got ${shown(value)}.`,
    )
  }
  return price
}

const LARGEST = 1_000_000

/** Whole micro-dollars, rounded up: a dollar per million tokens is a micro-dollar per token. */
export function microDollars(usage: Usage, price: Price): number {
  const { input, output, cachedInput = input, cacheWrite = input } = price
  const cached = Math.min(usage.cachedTokens, usage.inputTokens)
  const written = Math.min(usage.cacheWriteTokens, usage.inputTokens - cached)
  const plain = usage.inputTokens - cached - written
  const sum = plain * input + cached * cachedInput + written * cacheWrite + usage.outputTokens * output
  // 3 × 0.1 is a little more than 0.3 in floating point.
  return Math.min(Math.ceil(sum * (1 - 4 * Number.EPSILON)), Number.MAX_SAFE_INTEGER)
}
