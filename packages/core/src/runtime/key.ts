import { builtin, type Digest } from './builtin.js'

/** Longer keys are kept as their hash, so that a megabyte of key costs 47 bytes. */
const LONGEST_KEY = 256

/** V8 lets a longer substring point into its parent, which would then live as long as the bucket. */
const ALWAYS_COPIED = 12

/** The key as a store keeps it: itself, or the SHA-256 of a long one where the runtime has it. */
export function boundedKey(key: string): string {
  return key.length <= LONGEST_KEY ? key : `\0${sha256(key)?.toString('base64url') ?? key}`
}

/** The same text in memory of its own. */
export function copied(key: string): string {
  return key.length <= ALWAYS_COPIED ? key : (JSON.parse(JSON.stringify(key)) as string)
}

/** The first 12 bytes of the key's SHA-256, as in `pk`; `undefined` where the runtime has no synchronous hash. */
export function keyDigest(key: string): string | undefined {
  return sha256(key)?.subarray(0, 12).toString('base64')
}

function sha256(key: string): Digest | undefined {
  return builtin('node:crypto')?.createHash('sha256').update(key).digest()
}
