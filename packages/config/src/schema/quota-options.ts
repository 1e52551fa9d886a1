import { LARGEST_QUOTA } from '@sluice/core/calendar'
import * as z from 'zod'
import { flag, oneOf, strict, whole } from './expectations.js'
import { help } from './help.js'

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const

const ANCHOR = 'a day of the month, a weekday such as monday, or { month, day }'

const dayOfMonth = whole(1, 31, 'The day of the month, or its last day where it is shorter.')

const anchor = z
  .union(
    [
      dayOfMonth,
      oneOf(WEEKDAYS, 'The weekday.'),
      strict(ANCHOR, { month: whole(1, 12, 'The month, 1 to 12.'), day: dayOfMonth }),
    ],
    `expected ${ANCHOR}`,
  )
  .register(help, {
    description: 'When the period begins: the day of a month, the weekday of a week, the date of a year.',
  })

const timeZone = z.string('expected a time zone such as Europe/Berlin').register(help, {
  description: 'Where periods begin: an IANA time zone; defaults to UTC.',
  examples: ['Europe/Berlin'],
})

/** The options of `quota`, of which @sluice/quota checks the combination. */
export const quotaOptions: z.core.$ZodShape = {
  timeZone: timeZone.optional(),
  anchor: anchor.optional(),
  soft: flag('Counts and reports, but never denies.').optional(),
  overage: whole(0, LARGEST_QUOTA, 'Units beyond the quota that still pass.').optional(),
  rollover: whole(0, LARGEST_QUOTA, 'Units that a period leaves unused to the next, at most.').optional(),
  history: whole(0, 60, 'Past periods whose totals are kept; defaults to 12.').optional(),
}
