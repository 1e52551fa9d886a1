import { builtin } from './builtin.js'

/** Longer keys are kept as their hash, so that a megabyte of key costs 47 bytes. */
const LONGEST_KEY = 256

/** V8 lets a longer substring point into its parent, which would then live as long as the bucket. */
const ALWAYS_COPIED = 12

/** Stands before a hash. A key that begins so is hashed too, so that none can pass for another's hash. */
const HASHED = '\0'

/** The key as a store keeps it: itself, or the SHA-256 of a long one where the runtime has it. */
export function boundedKey(key: string): string {
  if (key.length <= LONGEST_KEY && key.charCodeAt(0) !== 0) return key
  // As UTF-16, since UTF-8 has only one text for all lone surrogates.
  return (
    HASHED + (builtin('node:crypto')?.createHash('sha256').update(key, 'utf16le').digest().toString('base64url') ?? key)
  )
}

/** The same text in memory of its own. */
export function copied(key: string): string {
  return key.length <= ALWAYS_COPIED ? key : (JSON.parse(JSON.stringify(key)) as string)
}

/**
 * The first 12 bytes of the key's SHA-256, as in `pk`, or with a secret of its HMAC; `undefined` where the runtime has no synchronous
 * hash.
 */
export function keyDigest(key: string, secret?: string): string | undefined {
  const crypto = builtin('node:crypto')
  const hash = secret === undefined ? crypto?.createHash('sha256') : crypto?.createHmac('sha256', secret)
  return hash?.update(key).digest().subarray(0, 12).toString('base64')
}

/** Two numbers below 2^48 that stand for a text: the first 12 bytes of its SHA-256, or where there is none, of a simpler hash. */
export function idNumbers(text: string): readonly [number, number] {
  const hex = builtin('node:crypto')?.createHash('sha256').update(text, 'utf16le').digest().toString('hex')
  if (hex !== undefined) return [Number.parseInt(hex.slice(0, 12), 16), Number.parseInt(hex.slice(12, 24), 16)]
  return [simpleHash(text, 0x9e3779b1), simpleHash(text, 0x85ebca6b)]
}

function simpleHash(text: string, seed: number): number {
  let high = seed ^ text.length
  let low = Math.imul(seed, 31) ^ text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    high = Math.imul(high ^ unit, 0x5bd1e995)
    high ^= high >>> 15
    low = Math.imul(low ^ unit, 0x1b873593)
    low ^= low >>> 13
  }
  return (high >>> 0) * 2 ** 16 + (low >>> 16)
}
