import { StringDecoder } from 'node:string_decoder'
import { createBrotliDecompress, createInflate, createInflateRaw, createUnzip, type Unzip } from 'node:zlib'

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
  return coding in SNIFFED ? new SniffedDecoder(coding as keyof typeof SNIFFED, onText) : undefined
}

/** How each coding is told from others, by its first bytes. */
const SNIFFED = {
  gzip: (head: Buffer) => (isGzip(head) ? createUnzip() : undefined),
  'x-gzip': (head: Buffer) => (isGzip(head) ? createUnzip() : undefined),
  deflate: (head: Buffer) => (isZlib(head) ? createInflate() : isText(head) ? undefined : createInflateRaw()),
  br: (head: Buffer) => (isText(head) ? undefined : createBrotliDecompress()),
} as const

/** Bytes that tell. */
const HEAD = 4

/**
 * Decodes what really is encoded: a middleware in front of the limit may have announced what it will do with what is still text here.
 */
class SniffedDecoder implements Decoder {
  readonly #coding: keyof typeof SNIFFED
  readonly #onText: (text: string) => void
  #head: Buffer = Buffer.alloc(0)
  #decoder: Decoder | undefined

  constructor(coding: keyof typeof SNIFFED, onText: (text: string) => void) {
    this.#coding = coding
    this.#onText = onText
  }

  write(bytes: Buffer): void {
    if (this.#decoder !== undefined) {
      this.#decoder.write(bytes)
      return
    }
    this.#head = Buffer.concat([this.#head, bytes])
    if (this.#head.length >= HEAD) this.#begin()
  }

  end(done: (isRead: boolean) => void): void {
    const decoder = this.#decoder ?? this.#begin()
    decoder.end(done)
  }

  #begin(): Decoder {
    const unpack = SNIFFED[this.#coding](this.#head)
    const decoder = unpack === undefined ? plainDecoder(this.#onText) : unpacking(unpack, this.#onText)
    this.#decoder = decoder
    decoder.write(this.#head)
    return decoder
  }
}

function unpacking(unpack: Unzip, onText: (text: string) => void): Decoder {
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

function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b
}

/** RFC 1950 §2.2: the method is deflate, and the first two bytes are a multiple of 31. */
function isZlib(head: Buffer): boolean {
  const [first = 0, second = 0] = head
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0
}

const BOM = 0xef

/** As events and JSON begin. */
export function isText(head: Buffer): boolean {
  return (
    head.subarray(0, HEAD).every((byte) => (byte >= 0x20 && byte < 0x7f) || WHITE.includes(byte)) || head[0] === BOM
  )
}

const WHITE: readonly number[] = [0x09, 0x0a, 0x0d]
