import * as z from 'zod'
import { help } from './help.js'

const COUNT = String.raw`(?:0|[1-9]\d*)(?:\.\d+)?[kM]?(?: (?:requests|tokens|content-bytes))?`
const WINDOW = '(?:ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?)'

/** What editors check; the constructors of core know better what is wrong with a text. */
export const RATE: string = String.raw`^${COUNT}/(?:[1-9]\d{0,5})?${WINDOW}$`

const QUOTA = `^${COUNT}/(?:hour|day|week|month|quarter|year|lifetime)$`

/** The text of a policy of core. */
export function rateText(sentence: string): z.ZodString {
  return z.string(sentence).register(help, {
    pattern: RATE,
    description:
      'COUNT[k|M] [UNIT]/[N]WINDOW. Units: requests, tokens, content-bytes. Windows: ms, s, min, h, day, week.',
    examples: ['100/min', '5/15min', '1000/day', '100k tokens/min'],
  })
}

/** The text of a calendar quota. */
export function quotaText(sentence: string): z.ZodString {
  return z.string(sentence).register(help, {
    pattern: QUOTA,
    description: 'COUNT[k|M] [UNIT]/PERIOD. Periods: hour, day, week, month, quarter, year, lifetime.',
    examples: ['10k/month', '1M tokens/year'],
  })
}
