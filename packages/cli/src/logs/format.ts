import type { FieldName, LogEntry } from './entry.js'

/** Where entries and what could not be read go. */
export interface EntrySink {
  entry(entry: LogEntry): void
  /** A line that is no request in this format. */
  unreadable(line: string): void
}

/** Reads one file, block by block. Keeps what a file's first lines declare. */
export interface BlockReader {
  /** Whether times have been whole seconds so far. */
  readonly isCoarse: boolean
  /** Whether lines say how long requests took, so that entries have the time of their beginning. */
  readonly hasDurations: boolean
  /** `text` ends with a line's end, but for the last block. */
  read(text: string, isLast: boolean, sink: EntrySink): void
}

/** A format of access logs. */
export interface LogFormat {
  readonly name: string
  /**
   * A reader of one file, that puts the wanted fields into each entry. `isStrict`: whole lines have to be of this format, not
   * only what is needed of them.
   */
  open(wanted: readonly FieldName[], isStrict?: boolean): BlockReader
}

/** An entry, `undefined` for a line that cannot be read, and `null` for one that is no request: a comment, a declaration. */
export type ReadLine = (line: string) => LogEntry | undefined | null

/** A reader of formats in which a line is a request. */
export function lineReader(clock: Pick<BlockReader, 'isCoarse' | 'hasDurations'>, readLine: ReadLine): BlockReader {
  return {
    get isCoarse() {
      return clock.isCoarse
    },
    get hasDurations() {
      return clock.hasDurations
    },
    read(text, _isLast, sink) {
      forEachLine(text, (line) => {
        const entry = readLine(line)
        if (entry === undefined) sink.unreadable(line)
        else if (entry !== null) sink.entry(entry)
      })
    },
  }
}

/** Calls back with every line that is not empty, without its end. */
export function forEachLine(text: string, callback: (line: string) => void): void {
  for (let from = 0; from < text.length; ) {
    const found = text.indexOf('\n', from)
    const next = found < 0 ? text.length : found
    const end = next > from && text.charCodeAt(next - 1) === 13 ? next - 1 : next
    if (end > from) callback(text.slice(from, end))
    from = next + 1
  }
}
