/** How long a quota's period lasts; `lifetime` never ends. */
export type PeriodUnit = 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year' | 'lifetime'

/** A quota's period, in Unix milliseconds: from `start` on, before `end`. */
export interface Period {
  readonly start: number
  /** `Infinity` where it never ends. */
  readonly end: number
  /** When the period before it began. */
  readonly previous: number
}

/** A period as policies know it: with the end of the one that follows. */
export interface KnownPeriod extends Period {
  readonly next: number
}

/** Divides time into periods, without gaps and overlaps. */
export interface Calendar {
  readonly unit: PeriodUnit
  /** The IANA time zone in which the ends of its periods are told to clients. */
  readonly timeZone: string
  /** Identifies it in the names of buckets, in every process alike: letters, digits and `_+-/`. */
  readonly id: string
  /** The period that contains `now`, in Unix milliseconds. Asked for at every decision, so it should remember. */
  periodAt(now: number): Period
}
