import { at } from '../usage/usage.js'
import { parsed } from './json-answer.js'

/** Bytes of an event that are held back until it is complete; what is longer passes as it comes. */
const MOST_HELD = 16_384

const NOTHING: Buffer = Buffer.alloc(0)
const LF = 10
const COLON = 58

/**
 * Passes a stream of events on byte for byte, each when it is complete, so that it can be ended between two of them. With `strips`, but for
 * the one chunk that has nothing but usage, where it was not the client that asked for it.
 */
export class WholeEvents {
  readonly strips: boolean
  #held: Buffer = NOTHING
  /** Whether what has passed ends between two events. */
  isWhole = true

  constructor(strips: boolean) {
    this.strips = strips
  }

  /** What may go on. */
  push(bytes: Buffer): Buffer {
    // As nearly all come: whole events, of which none can be meant.
    if (this.#held.length === 0 && endsWhole(bytes) && !(this.strips && mayBeAlone(bytes))) return bytes
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    const end = endOfEvents(all)
    if (end > 0) this.isWhole = true
    const complete = this.#kept(all.subarray(0, end))
    const rest = all.subarray(end)
    if (rest.length > MOST_HELD || isComment(rest)) {
      this.#held = NOTHING
      this.isWhole = isComment(rest)
      return joined(complete, rest)
    }
    // Whoever wrote it may use its memory again.
    this.#held = Buffer.from(rest)
    return complete
  }

  /** What is still held back, where nothing more comes. */
  flush(): Buffer {
    const left = this.#held
    this.#held = NOTHING
    return this.#kept(left)
  }

  #kept(events: Buffer): Buffer {
    return this.strips ? withoutUsage(events) : events
  }
}

function endsWhole(bytes: Buffer): boolean {
  const { length } = bytes
  return length > 1 && bytes[length - 1] === LF && bytes[length - 2] === LF
}

/** A sign of life, with one line end. */
function isComment(bytes: Buffer): boolean {
  return bytes[0] === COLON && bytes[bytes.length - 1] === LF
}

const NO_CHOICES: readonly Buffer[] = ['"choices":[]', '"choices": []'].map((text) => Buffer.from(text))

/** Whether any of these events may have no choices. */
function mayBeAlone(events: Buffer): boolean {
  return NO_CHOICES.some((text) => events.includes(text)) || !events.includes(CHOICES)
}

/** In an event that is written otherwise, as over several lines, it is looked for by parsing. */
const CHOICES: Buffer = Buffer.from('"choices":')

/** Blank lines, by how lines end. */
const BLANKS = ['\n\n', '\n\r\n', '\r\r'] as const

/** Behind the last blank line. */
function endOfEvents(bytes: Buffer): number {
  let end = 0
  for (const blank of BLANKS) {
    const found = bytes.lastIndexOf(blank)
    if (found !== -1) end = Math.max(end, found + blank.length)
  }
  return end
}

function withoutUsage(events: Buffer): Buffer {
  if (!events.includes('"usage"')) return events
  const kept: Buffer[] = []
  let from = 0
  while (from < events.length) {
    const end = nextEnd(events, from)
    const event = events.subarray(from, end)
    if (!isUsageAlone(event)) kept.push(event)
    from = end
  }
  return Buffer.concat(kept)
}

function nextEnd(bytes: Buffer, from: number): number {
  let end = bytes.length
  for (const blank of BLANKS) {
    const found = bytes.indexOf(blank, from)
    if (found !== -1) end = Math.min(end, found + blank.length)
  }
  return end
}

/** A chunk without choices and with usage: others without choices, as Azure sends them, have none. */
function isUsageAlone(event: Buffer): boolean {
  if (!event.includes('"usage"')) return false
  const lines = event.toString('utf8').split(/\r\n|\n|\r/)
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice('data:'.length))
  const chunk = parsed(data.join('\n'))
  const choices = at(chunk, 'choices')
  const usage = at(chunk, 'usage')
  return Array.isArray(choices) && choices.length === 0 && typeof usage === 'object' && usage !== null
}

function joined(first: Buffer, second: Buffer): Buffer {
  if (first.length === 0) return second
  return second.length === 0 ? first : Buffer.concat([first, second])
}
