import { createBrotliDecompress, createInflate, createUnzip } from 'node:zlib'

/** Turns what goes over the connection into text. */
export interface Decoder {
  write(bytes: Uint8Array): void
  /** Calls back when the last text has come out. */
  end(done: () => void): void
}

/** What can be read of a body in this encoding; `undefined` where it cannot be. */
export function decoderOf(encoding: string, onText: (text: string) => void): Decoder | undefined {
  const text = new TextDecoder()
  const read = (bytes: Uint8Array): void => {
    const decoded = text.decode(bytes, { stream: true })
    if (decoded !== '') onText(decoded)
  }
  const rest = (): void => {
    const decoded = text.decode()
    if (decoded !== '') onText(decoded)
  }
  if (encoding === '' || encoding === 'identity') {
    return {
      write: read,
      end(done) {
        rest()
        done()
      },
    }
  }
  const unpack = unpackers[encoding]?.()
  if (unpack === undefined) return undefined
  unpack.on('data', read)
  return {
    write: (bytes) => void unpack.write(bytes),
    end(done) {
      let isOver = false
      const over = (): void => {
        if (isOver) return
        isOver = true
        rest()
        done()
      }
      // What is cut off or broken ends where it can no longer be read.
      unpack.once('end', over).once('error', over).once('close', over)
      unpack.end()
    },
  }
}

const unpackers: Readonly<Record<string, () => ReturnType<typeof createUnzip>>> = {
  gzip: () => quiet(createUnzip()),
  'x-gzip': () => quiet(createUnzip()),
  deflate: () => quiet(createInflate()),
  br: () => quiet(createBrotliDecompress()),
}

/** A broken body is its sender's problem. */
function quiet<Stream extends ReturnType<typeof createUnzip>>(stream: Stream): Stream {
  stream.on('error', () => undefined)
  return stream
}
