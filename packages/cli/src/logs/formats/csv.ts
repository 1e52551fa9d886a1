import { parse } from 'csv-parse/sync'
import type { BlockReader, LogFormat } from '../format.js'
import { ColumnReader } from './columns.js'
import type { ColumnMap } from './named-columns.js'

/** Comma-separated values with a line of names. */
export function csvFormat(map: ColumnMap = {}): LogFormat {
  return {
    name: 'csv',
    open(wanted): BlockReader {
      const columns = new ColumnReader(wanted, map)
      let isDeclared = false
      let rest = ''
      return {
        get isCoarse() {
          return columns.times.isCoarse
        },
        get hasDurations() {
          return columns.times.hasDurations
        },
        read(text, isLast, sink) {
          const given = rest + text
          const end = isLast ? given.length : endOfRecords(given)
          rest = given.slice(end)
          for (const { record, raw } of recordsIn(given.slice(0, end), sink.unreadable)) {
            if (!isDeclared) {
              columns.declare(record)
              isDeclared = true
              continue
            }
            const entry = columns.read(record)
            if (entry === undefined) sink.unreadable(raw)
            else sink.entry(entry)
          }
        },
      }
    },
  }
}

interface CsvRecord {
  readonly record: readonly string[]
  readonly raw: string
}

function recordsIn(text: string, skipped: (line: string) => void): readonly CsvRecord[] {
  return parse(text, {
    bom: true,
    raw: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (_error, raw) => {
      skipped(raw ?? '')
      return undefined
    },
  }) as unknown as readonly CsvRecord[]
}

/** A value in quotes may contain ends of lines: a record ends where the quotes so far are paired. */
function endOfRecords(text: string): number {
  let quotes = 0
  let end = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 34) quotes++
    else if (code === 10 && quotes % 2 === 0) end = i + 1
  }
  // One quote too many must not keep the rest of the file in memory.
  return text.length - end > LONGEST_RECORD ? text.lastIndexOf('\n') + 1 : end
}

const LONGEST_RECORD = 4_000_000
