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

/** The first 12 bytes of the key's SHA-256, as in `pk`; `undefined` where the runtime has no synchronous hash. */
export function keyDigest(key: string): string | undefined {
  return builtin('node:crypto')?.createHash('sha256').update(key).digest().subarray(0, 12).toString('base64')
}
