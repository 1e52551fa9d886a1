import type { LogEntry } from './entry.js'
import type { LogFile } from './log-file.js'

/** Entries of one log. */
export interface Run {
  readonly file: LogFile
  readonly entries: readonly LogEntry[]
}

/** The entries of all logs, in the order in which they began, in runs. */
export async function* merged(
  files: readonly LogFile[],
  peek: (file: LogFile) => Promise<number>,
): AsyncGenerator<Run> {
  const [only] = files
  if (only !== undefined && files.length === 1) {
    for await (const entries of only.runs()) yield { file: only, entries }
    return
  }
  const heads: Head[] = []
  for (const file of files) heads.push(new Head(file, await peek(file)))
  yield* interleaved(heads)
}

async function* interleaved(heads: readonly Head[]): AsyncGenerator<Run> {
  for (let open = heads.filter(({ isOpen }) => isOpen); open.length > 0; open = open.filter(({ isOpen }) => isOpen)) {
    const first = open.reduce((one, other) => (other.at < one.at ? other : one))
    const next = open.reduce((at, head) => (head === first ? at : Math.min(at, head.at)), Number.POSITIVE_INFINITY)
    await first.fill()
    // A log that has just been opened may begin later than it seemed.
    if (first.at <= next) yield { file: first.file, entries: first.takeUntil(next) }
    await first.fill()
  }
}

/** What has been read of a log and not been given yet. It is opened when its first request is next: a year of logs is not open at a time. */
class Head {
  readonly file: LogFile
  readonly #runs: AsyncIterator<readonly LogEntry[]>
  #run: readonly LogEntry[] = []
  #next = 0
  #isDone = false
  #firstAt: number | undefined

  /** `firstAt`: when its first request began. */
  constructor(file: LogFile, firstAt: number) {
    this.file = file
    this.#runs = file.runs()
    this.#firstAt = firstAt
  }

  /** Whether there may be more of it. */
  get isOpen(): boolean {
    return this.#firstAt !== undefined || this.#hasNext
  }

  get at(): number {
    return this.#firstAt ?? this.#run[this.#next]?.at ?? Number.POSITIVE_INFINITY
  }

  get #hasNext(): boolean {
    return this.#next < this.#run.length
  }

  async fill(): Promise<void> {
    this.#firstAt = undefined
    while (!this.#hasNext && !this.#isDone) {
      const { done, value } = await this.#runs.next()
      this.#isDone = done === true
      this.#run = done === true ? [] : value
      this.#next = 0
    }
  }

  /** The entries at or before an instant; at least one. */
  takeUntil(at: number): readonly LogEntry[] {
    const from = this.#next++
    while (this.#hasNext && this.at <= at) this.#next++
    return this.#run.slice(from, this.#next)
  }
}
