import { Temporal } from './temporal.js'

/** The dates that periods begin on, numbered; the calendar knows them without any time zone. */
export interface AnchoredDates {
  /** Counted from the anchor, never from the date before: after 28 February comes 31 March again. */
  dateOf(number: number): Temporal.PlainDate
  /** The number of the last date that is not after the given one. */
  numberAt(date: Temporal.PlainDate): number
}

export function everyDay(): AnchoredDates {
  return every({ days: 1 }, new Temporal.PlainDate(1970, 1, 1), (date, first) => daysBetween(first, date))
}

export function everyWeek(daysAfterMonday: number): AnchoredDates {
  const first = new Temporal.PlainDate(1970, 1, 5 + daysAfterMonday)
  return every({ weeks: 1 }, first, (date) => Math.floor(daysBetween(first, date) / 7))
}

/** Every so many months, counted from a January. */
export function everyMonths(months: number, day: number): AnchoredDates {
  const first = new Temporal.PlainDate(1970, 1, day)
  return every({ months }, first, ({ year, month }) => Math.floor(((year - 1970) * 12 + month - 1) / months))
}

export function everyYear(month: number, day: number): AnchoredDates {
  // A leap year: it has every day.
  const first = new Temporal.PlainDate(1972, month, day)
  return every({ years: 1 }, first, ({ year }) => year - 1972)
}

type Step = { readonly [unit in 'days' | 'weeks' | 'months' | 'years']?: number }

/** `latest` is the number of the date in the same month, quarter or year, which may still lie ahead. */
function every(
  step: Step,
  first: Temporal.PlainDate,
  latest: (date: Temporal.PlainDate, first: Temporal.PlainDate) => number,
): AnchoredDates {
  const dateOf = (number: number) => first.add(times(step, number))
  return {
    dateOf,
    numberAt: (date) => {
      const number = latest(date, first)
      return Temporal.PlainDate.compare(dateOf(number), date) > 0 ? number - 1 : number
    },
  }
}

function times({ days = 0, weeks = 0, months = 0, years = 0 }: Step, number: number): Step {
  return { days: days * number, weeks: weeks * number, months: months * number, years: years * number }
}

function daysBetween(first: Temporal.PlainDate, date: Temporal.PlainDate): number {
  return first.until(date).days
}
