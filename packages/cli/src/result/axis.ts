import type { Timeline } from '../replay/timeline.js'

/** The intervals of a chart. */
export interface Axis {
  readonly startMs: number
  readonly widthMs: number
  readonly parts: number
}

/** One axis for several timelines: as coarse as the coarsest. */
export function axisOf(...lines: readonly Timeline[]): Axis {
  const filled = lines.filter(({ length }) => length > 0)
  if (filled.length === 0) return { startMs: 0, widthMs: 1_000, parts: 0 }
  const widthMs = Math.max(...filled.map((line) => line.widthMs))
  const startMs = Math.floor(Math.min(...filled.map((line) => line.startMs)) / widthMs) * widthMs
  const endMs = Math.max(...filled.map((line) => line.startMs + line.length * line.widthMs))
  return { startMs, widthMs, parts: Math.ceil((endMs - startMs) / widthMs) }
}
