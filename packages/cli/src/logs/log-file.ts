import type { Readable } from 'node:stream'
import { ConfigError } from '@sluice/core'
import { CommandError, EXIT } from '../terminal/exit.js'
import { plain } from '../terminal/plain.js'
import { openLog } from './blocks.js'
import type { FieldName, LogEntry } from './entry.js'
import type { BlockReader, LogFormat } from './format.js'
import type { ColumnMap } from './formats/named-columns.js'
import { detectFormat, FORMAT_NAMES } from './formats.js'
import { TimeOrder } from './time-order.js'

/** How logs are read. */
export interface ReadOptions {
  /** Detected from each file's first lines where it is missing. */
  readonly format: LogFormat | undefined
  readonly map: ColumnMap
  readonly wanted: readonly FieldName[]
  /** Unix milliseconds: entries outside are left out. */
  readonly from: number
  readonly to: number
  /** What `-` reads. */
  readonly stdin: Readable
  onBytes(count: number): void
}

/** What reading a file came to. */
export interface FileReport {
  readonly path: string
  readonly format: string
  readonly entries: number
  readonly unreadable: number
  /** The first of the lines that could not be read, cut. */
  readonly samples: readonly string[]
  /** Entries outside `--from` and `--to`. */
  readonly outside: number
  /** Entries whose time was before that of entries that had been replayed. */
  readonly late: number
  /** Whether a compressed file ended too early. */
  readonly isCut: boolean
  /** Whether times are whole seconds. */
  readonly isCoarse: boolean
  /** Whether lines say how long requests took. */
  readonly hasDurations: boolean
}

const MOST_SAMPLES = 5
const SAMPLE_LENGTH = 160

/** One log: its entries, in the order in which they began. */
export class LogFile {
  readonly path: string
  readonly #options: ReadOptions
  readonly #order = new TimeOrder()
  readonly #samples: string[] = []
  #format: LogFormat | undefined
  #reader: BlockReader | undefined
  #entries = 0
  #unreadable = 0
  #outside = 0
  #isCut = false

  constructor(path: string, options: ReadOptions) {
    this.path = path
    this.#options = options
    this.#format = options.format
  }

  /** Whether times have been whole seconds so far. */
  get isCoarse(): boolean {
    return this.#reader?.isCoarse ?? false
  }

  get report(): FileReport {
    return {
      path: this.path,
      format: this.#format?.name ?? 'none',
      entries: this.#entries,
      unreadable: this.#unreadable,
      samples: this.#samples,
      outside: this.#outside,
      late: this.#order.late,
      isCut: this.#isCut,
      isCoarse: this.isCoarse,
      hasDurations: this.#reader?.hasDurations ?? false,
    }
  }

  /** @throws {ConfigError} where no format reads it. */
  async *runs(): AsyncGenerator<readonly LogEntry[]> {
    // The last block has to be known as such.
    let before: string | undefined
    for await (const block of this.#blocks()) {
      if (before !== undefined) yield this.#read(before, false)
      before = block
    }
    if (before !== undefined) yield this.#read(before, true)
    yield this.#order.end()
  }

  async *#blocks(): AsyncGenerator<string> {
    try {
      yield* openLog(this.path, this.#options.stdin, (count) => this.#options.onBytes(count))
    } catch (error) {
      // A log that is still being written, or whose copy was interrupted: what is there counts.
      if (codeOf(error) === 'Z_BUF_ERROR') this.#isCut = true
      else throw new CommandError(`${this.path}: ${sentence(error)}`, EXIT.failed)
    }
  }

  /** When the earliest request of its first block began, in Unix milliseconds; infinite where it has none. Opens it for that. */
  async firstAt(): Promise<number> {
    for await (const block of this.#blocks()) {
      const first = this.#read(block, true)[0] ?? this.#order.end()[0]
      return first?.at ?? Number.POSITIVE_INFINITY
    }
    return Number.POSITIVE_INFINITY
  }

  #read(block: string, isLast: boolean): readonly LogEntry[] {
    const text = this.#reader === undefined ? block.replace(/^\uFEFF/, '') : block
    // There may be nothing but blank lines.
    if (this.#reader === undefined && text.trim() === '') return []
    this.#reader ??= this.#open(text)
    this.#reader.read(text, isLast, this)
    return this.#order.take()
  }

  #open(block: string): BlockReader {
    this.#format ??= detectFormat(block, this.#options.map)
    if (this.#format === undefined) {
      const [first = ''] = block.split(/\r?\n/, 1)
      throw new ConfigError(
        `${this.path}: no format reads its first lines. The first is: ${shorter(first)}\nName the format by --format: ` +
          `${FORMAT_NAMES.join(', ')}, or nginx's log_format in quotes; of JSON and CSV, name the columns by --map, as in ` +
          '--map time=when,ip=client.',
      )
    }
    return this.#format.open(this.#options.wanted)
  }

  entry(entry: LogEntry): void {
    const { from, to } = this.#options
    if (entry.at < from || entry.at >= to) this.#outside++
    else {
      this.#entries++
      this.#order.add(entry)
    }
  }

  readonly unreadable = (line: string): void => {
    this.#unreadable++
    if (this.#samples.length < MOST_SAMPLES) this.#samples.push(shorter(line))
  }
}

function shorter(line: string): string {
  const cut = line.length > SAMPLE_LENGTH ? `${line.slice(0, SAMPLE_LENGTH)}…` : line
  // What is long and without a break may be a key or a token.
  return plain(cut).replace(/[\w+/=-]{20,}/g, (text) => `${text.slice(0, 4)}…`)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (codeOf(error) === 'ENOENT') return 'there is no such file.'
  if (codeOf(error) === 'EISDIR') return 'it is a directory; name the files in it.'
  return error.message
}
