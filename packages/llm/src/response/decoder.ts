import { StringDecoder } from 'node:string_decoder'
import { createBrotliDecompress, createInflate, createUnzip, type Unzip } from 'node:zlib'

/** Turns what goes over the connection into text. */
export interface Decoder {
  write(bytes: Buffer): void
  /** Calls back when the last text has come out, and says whether all could be read. */
  end(done: (isRead: boolean) => void): void
}

/** Text in no encoding. */
export function plainDecoder(onText: (text: string) => void): Decoder {
  const text = new StringDecoder('utf8')
  const told = (decoded: string): void => {
    if (decoded !== '') onText(decoded)
  }
  return {
    write: (bytes) => told(text.write(bytes)),
    end(done) {
      told(text.end())
      done(true)
    },
  }
}

/** Text in a content coding; `undefined` where it is not known. */
export function decoderOf(coding: string, onText: (text: string) => void): Decoder | undefined {
  const unpack = UNPACKERS[coding]?.()
  if (unpack === undefined) return undefined
  const plain = plainDecoder(onText)
  let isRead = true
  unpack.on('data', (bytes: Buffer) => plain.write(bytes))
  // A broken body is its sender's problem.
  unpack.on('error', () => {
    isRead = false
  })
  return {
    // Whoever wrote it may use its memory again.
    write: (bytes) => void unpack.write(Buffer.from(bytes)),
    end(done) {
      let isOver = false
      const over = (): void => {
        if (isOver) return
        isOver = true
        plain.end(() => done(isRead))
      }
      if (unpack.destroyed) return over()
      unpack.once('end', over).once('close', over)
      unpack.end()
    },
  }
}

const UNPACKERS: Readonly<Record<string, () => Unzip>> = {
  gzip: createUnzip,
  'x-gzip': createUnzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/**
 * Whether bytes that are said to be encoded are not yet: a middleware in front of the limit has announced what it will do with them.
 * Every body that is read begins with a letter, a brace, a bracket, a colon or white space.
 */
export function isPlain(bytes: Buffer): boolean {
  return /^[\s{[:a-z]{1,2}[\x20-\x7e\s]*$/.test(bytes.toString('latin1', 0, 8))
}
