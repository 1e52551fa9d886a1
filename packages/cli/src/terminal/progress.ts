import { statSync } from 'node:fs'
import { SingleBar } from 'cli-progress'
import type { Streams } from './streams.js'

/** How far a long command is. */
export interface Progress {
  add(count: number): void
  /** Removes the bar, so that the result stands alone. */
  end(): void
}

const SILENT: Progress = { add: () => undefined, end: () => undefined }

/** A bar on standard error, only where that is a terminal. `total` 0: it is not known. */
export function progressBar(
  { stderr }: Streams,
  what: string,
  total: number,
  format: (count: number) => string,
): Progress {
  if (stderr.isTTY !== true || total === 0) return SILENT
  const bar = new SingleBar({
    stream: stderr,
    clearOnComplete: true,
    hideCursor: true,
    format: `${what} {bar} {percentage} % of {shown}, {eta_formatted} left`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  })
  bar.start(total, 0, { shown: format(total) })
  return { add: (count) => bar.increment(count), end: () => bar.stop() }
}

/** The size of all files together, 0 where that is not known. */
export function bytesOf(paths: readonly string[]): number {
  let bytes = 0
  for (const path of paths) {
    const size = path === '-' ? undefined : statSync(path, { throwIfNoEntry: false })?.size
    if (size === undefined) return 0
    bytes += size
  }
  return bytes
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`
}
