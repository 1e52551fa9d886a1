import { fixedWindow, leakyBucket, type Policy, slidingLog, slidingWindow, tokenBucket } from '@sluice/core'
import type * as z from 'zod'
import { loadQuota } from '../quota.js'
import { whole } from './expectations.js'
import { quotaOptions } from './quota-options.js'
import { quotaText, rateText } from './rates.js'

/** A constructor of policies as it stands in a file: its name is the key of its text, beside its options. */
export interface Constructor {
  readonly text: (sentence: string) => z.ZodString
  readonly options: z.core.$ZodShape
  readonly description: string
  readonly construct: (text: string, options: object) => Policy | Promise<Policy>
}

/** Of buckets, as core has it. */
const LARGEST = 10 ** 15 - 1

const burst = (description: string): z.ZodOptional<z.ZodInt> => whole(1, LARGEST, description).optional()

export const CONSTRUCTORS: Readonly<Record<string, Constructor>> = {
  slidingWindow: {
    text: rateText,
    options: {
      subWindows: whole(
        1,
        100,
        'Counts the window in this many parts, the oldest in full: never passes the quota.',
      ).optional(),
    },
    description: 'A sliding window, as a text alone is; exact up to a quota of 10, or with subWindows.',
    construct: slidingWindow,
  },
  fixedWindow: {
    text: rateText,
    options: {},
    description: 'A window that opens with the first request and then stands still.',
    construct: fixedWindow,
  },
  slidingLog: {
    text: rateText,
    options: {},
    description: 'Exact, at 16 bytes a request; a quota of at most 10,000.',
    construct: slidingLog,
  },
  tokenBucket: {
    text: rateText,
    options: { burst: burst('Units that the full bucket holds; defaults to the quota.') },
    description: 'Bursts at once, the rate in the long run.',
    construct: tokenBucket,
  },
  leakyBucket: {
    text: rateText,
    options: {
      burst: burst('Units that may pass unspaced after a pause; defaults to 1.'),
      queue: whole(0, LARGEST, 'Places for requests that wait for their turn; defaults to the quota.').optional(),
    },
    description: 'Holds requests so that they go on evenly spaced.',
    construct: leakyBucket,
  },
  quota: {
    text: quotaText,
    options: quotaOptions,
    description: 'A quota of a calendar period, of @sluice/quota.',
    construct: async (text, options) => (await loadQuota())(text, options),
  },
}
