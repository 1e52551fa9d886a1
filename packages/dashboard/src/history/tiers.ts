/** One of the resolutions in which the past is kept. */
export interface Tier {
  /** Stands at the beginning of its tables' names. */
  readonly id: 'm' | 'h' | 'd'
  /** The time of one slot, and of all slots of a table. */
  readonly slotMs: number
  readonly tableMs: number
  /** For how long after its last addition a table is kept. */
  readonly keepMs: number
  /** Rows of a table at the most. */
  readonly most: number
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Minutes for three hours, hours for two weeks, days for three months: each with the period before it beside it. */
export const TIERS: Readonly<Record<'minutes' | 'hours' | 'days', Tier>> = {
  minutes: { id: 'm', slotMs: MINUTE, tableMs: HOUR, keepMs: 3 * HOUR, most: 50_000 },
  hours: { id: 'h', slotMs: HOUR, tableMs: DAY, keepMs: 15 * DAY, most: 30_000 },
  days: { id: 'd', slotMs: DAY, tableMs: 32 * DAY, keepMs: 96 * DAY, most: 30_000 },
}

export function tableAt({ id, tableMs }: Tier, ms: number): string {
  return `${id}:${Math.floor(ms / tableMs)}`
}

/** The slot of a time within its table. */
export function slotAt({ slotMs, tableMs }: Tier, ms: number): number {
  return Math.floor((ms % tableMs) / slotMs)
}
