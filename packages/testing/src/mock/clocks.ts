import { performance } from 'node:perf_hooks'

/** The time of a mock API: what its limits count by, and what its header fields say. */
export interface MockTime {
  /** Whole milliseconds by the mock's clock. */
  now(): number
  /** The same instant in Unix milliseconds. */
  unix(): number
  /** Milliseconds for which this process has had nothing to do; by a clock that was given, its time. */
  idle(): number
}

/** The time by a clock that was given; otherwise, real time since now. */
export function mockTime(clock: (() => number) | undefined): MockTime {
  const read = clock ?? sinceNow()
  const [start, startedAt] = [read(), Date.now()]
  const idle = clock ?? ((): number => performance.eventLoopUtilization().idle)
  return { now: read, unix: () => startedAt + read() - start, idle }
}

function sinceNow(): () => number {
  const start = performance.now()
  return () => Math.floor(performance.now() - start)
}
