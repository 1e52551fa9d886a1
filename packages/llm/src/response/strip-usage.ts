import { at } from '../usage/usage.js'
import { parsed } from './json-answer.js'

/** Bytes of an event that are held back until it is complete; a chunk that has only usage is far smaller. */
const MOST_HELD = 16_384

const NOTHING: Buffer = Buffer.alloc(0)

/**
 * Takes out of a stream of events the one chunk that has nothing but usage, where it was not the client that asked for it. All others
 * pass byte for byte, each when it is complete.
 */
export class StripUsage {
  #held: Buffer = NOTHING

  /** What may go on. */
  push(bytes: Buffer): Buffer {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    const end = endOfEvents(all)
    this.#held = all.subarray(end)
    const complete = withoutUsage(all.subarray(0, end))
    if (this.#held.length <= MOST_HELD) return complete
    return joined(complete, this.flush())
  }

  /** What is still held back, where nothing more comes. */
  flush(): Buffer {
    const left = this.#held
    this.#held = NOTHING
    return withoutUsage(left)
  }
}

/** Behind the last blank line: lines end with LF, CR LF or CR. */
function endOfEvents(bytes: Buffer): number {
  const ends = ['\n\n', '\n\r\n', '\r\r'].map((blank) => {
    const found = bytes.lastIndexOf(blank)
    return found === -1 ? 0 : found + blank.length
  })
  return Math.max(...ends)
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
  const ends = ['\n\n', '\n\r\n', '\r\r'].map((blank) => {
    const found = bytes.indexOf(blank, from)
    return found === -1 ? bytes.length : found + blank.length
  })
  return Math.min(...ends)
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
