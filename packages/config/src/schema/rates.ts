import * as z from 'zod'
import { help } from './help.js'

const NUMBER = String.raw`(?:0|[1-9]\d*)(?:\.\d+)?`
const UNIT = '(?:requests|(?:input |output )?tokens|content-bytes|inference s)'
const COUNT = String.raw`(?:${NUMBER}(?:k?B|[MG]B|[kM]?(?: ${UNIT})?)|\$${NUMBER}[kM]?)`
const WINDOW = '(?:ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?)'

/** What editors check; the constructors of core know better what is wrong with a text. */
export const RATE: string = String.raw`^${COUNT}/(?:[1-9]\d{0,5})?${WINDOW}$`

const QUOTA = `^${COUNT}/(?:hour|day|week|month|quarter|year|lifetime)$`

/** The text of a policy of core. */
export function rateText(sentence: string): z.ZodString {
  return z.string(sentence).register(help, {
    pattern: RATE,
    description:
      'AMOUNT/[N]WINDOW. Amounts: COUNT[k|M] [UNIT], COUNT[k|M|G]B, $COUNT. Units: requests, tokens, input tokens, ' +
      'output tokens, content-bytes, inference s. Windows: ms, s, min, h, day, week.',
    examples: ['100/min', '5/15min', '1000/day', '100k tokens/min', '50MB/hour', '$5/day'],
  })
}

/** The text of a calendar quota. */
export function quotaText(sentence: string): z.ZodString {
  return z.string(sentence).register(help, {
    pattern: QUOTA,
    description: 'AMOUNT/PERIOD. Periods: hour, day, week, month, quarter, year, lifetime.',
    examples: ['10k/month', '1M tokens/year', '$50/month'],
  })
}
