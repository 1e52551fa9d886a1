import { createReadStream } from 'node:fs'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

const BLOCK_BYTES = 1 << 20

/** Without a line's end in so many bytes, it is no log of lines. */
const LONGEST_LINE_BYTES = 4 << 20

/** Opens a file, or `stdin` for `-`; decompresses what begins as gzip does, whatever it is called. */
export function openLog(path: string, stdin: Readable, onBytes: (count: number) => void): AsyncIterable<string> {
  return blocksOf(path === '-' ? stdin : createReadStream(path, { highWaterMark: BLOCK_BYTES }), onBytes)
}

/** Text in blocks that end with a line's end, but for the last. */
async function* blocksOf(input: Readable, onBytes: (count: number) => void): AsyncGenerator<string> {
  const bytes = await decompressed(input, onBytes)
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of bytes) {
    const end = chunk.lastIndexOf(10) + 1
    if (end === 0) {
      rest.push(chunk)
      restBytes += chunk.length
      if (restBytes <= LONGEST_LINE_BYTES) continue
      yield `${Buffer.concat(rest).toString('utf8')}\n`
      rest = []
      restBytes = 0
      continue
    }
    const whole = chunk.subarray(0, end)
    yield (rest.length === 0 ? whole : Buffer.concat([...rest, whole])).toString('utf8')
    rest = end === chunk.length ? [] : [chunk.subarray(end)]
    restBytes = chunk.length - end
  }
  if (restBytes > 0) yield Buffer.concat(rest).toString('utf8')
}

async function decompressed(input: Readable, onBytes: (count: number) => void): Promise<AsyncIterable<Buffer>> {
  const chunks = counted(input, onBytes)
  const first = await chunks.next()
  const all = startingWith(first.done === true ? Buffer.alloc(0) : first.value, chunks)
  if (first.done === true || first.value[0] !== 0x1f || first.value[1] !== 0x8b) return all
  // The error is that of the stream that is read.
  return pipeline(all, createGunzip({ chunkSize: BLOCK_BYTES }), () => undefined) as AsyncIterable<Buffer>
}

async function* counted(input: Readable, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of input as AsyncIterable<Buffer>) {
    onBytes(chunk.length)
    yield chunk
  }
}

async function* startingWith(first: Buffer, others: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first
  yield* others
}
