import {
  adaptiveConcurrency,
  concurrency,
  fixedWindow,
  leakyBucket,
  type Policy,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from '@sluice/core'
import type * as z from 'zod'
import { loadQuota } from '../quota.js'
import { flag, oneOf, strict, whole } from './expectations.js'
import { help } from './help.js'
import { quotaOptions } from './quota-options.js'
import { quotaText, rateText } from './rates.js'

/** A constructor of policies as it stands in a file: its name is the key of its text, beside its options. */
export interface Constructor {
  readonly text: (sentence: string) => z.ZodType<string | number>
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
  concurrency: {
    text: () => whole(1, 10_000, 'Requests in progress at a time.'),
    options: {
      leaseMs: whole(
        1_000,
        3_600_000,
        'Milliseconds after which the slots of a process that has died are free; defaults to 30,000.',
      ).optional(),
      shared: flag('Says that clients share the slots: a denial is a 503.').optional(),
      queue: strict('size and timeoutMs', {
        size: whole(1, 100_000, 'Requests of one key that wait at the most; defaults to 100.').optional(),
        timeoutMs: whole(1, 600_000, 'Milliseconds after which they are denied; defaults to 5,000.').optional(),
      })
        .register(help, { description: 'Where requests wait for a slot, first come, first served.' })
        .optional(),
    },
    description: 'So many requests in progress at a time.',
    construct: (slots, options) => concurrency(Number(slots), options),
  },
  adaptiveConcurrency: {
    text: () => whole(1, 10_000, 'The most requests in progress at a time.'),
    options: {
      min: whole(1, 10_000, 'The limit never falls below; defaults to 1.').optional(),
      algorithm: oneOf(['gradient', 'aimd'], 'How the limit follows latency; defaults to gradient.').optional(),
      toleranceMs: whole(1, 600_000, 'Milliseconds from which on a request is slow, for aimd.').optional(),
    },
    description: 'As many requests in progress as this process copes with, by measured latency.',
    construct: (max, options) => adaptiveConcurrency({ max: Number(max), ...options }),
  },
  quota: {
    text: quotaText,
    options: quotaOptions,
    description: 'A quota of a calendar period, of @sluice/quota.',
    construct: async (text, options) => (await loadQuota())(text, options),
  },
}
