import { ConfigError, shown } from '../errors.js'
import type { Policy } from '../policies/policy.js'
import { builtin, environment } from '../runtime/builtin.js'

export interface NamingOptions {
  /** Stands before every bucket's name: 1 to 64 letters, digits and `_.:-`. Defaults to `'sluice'`. */
  readonly prefix?: string | undefined
  /**
   * Keeps only an HMAC-SHA-256 of every key, so that no address or API key can be read in the store: a secret of at least
   * 16 characters, the same in every process, or `true` for the one in the environment variable `SLUICE_SECRET`.
   */
  readonly hashKeys?: boolean | string | undefined
}

/** Such keys stand as they are; all others are hashed, so that none is long, binary or takes a cluster's `{}` apart. */
const PLAIN = /^[!"$-z|~][!-z|~]{0,254}$/

/** Before a hash; no plain key begins so, so no key can pass for another's hash. */
const HASHED = '#'

/** Names buckets: `prefix:{key}:policy`, so that one key's policies share a slot of a cluster. */
export class BucketNames {
  readonly #start: string
  readonly #secret: string | undefined

  /** @throws {ConfigError} on a prefix that could be taken for part of a key, and on a missing or short secret. */
  constructor({ prefix = 'sluice', hashKeys = false }: NamingOptions) {
    if (typeof prefix !== 'string' || !/^[\w.:-]{1,64}$/.test(prefix)) {
      throw new ConfigError(`prefix: expected 1 to 64 letters, digits and _.:- , got ${shown(prefix)}.`)
    }
    this.#start = `${prefix}:{`
    this.#secret = checkSecret(hashKeys)
  }

  of(policy: Policy, key: string): string {
    return `${this.#start}${this.tagOf(key)}}:${policy.address}`
  }

  /** What the ids of a limit's key were answered, and in which order they came: in the slot of its buckets. */
  once(scope: string, key: string): readonly [string, string] {
    const start = `${this.#start}${this.tagOf(key)}}:${scope}:ids`
    return [start, `${start}:order`]
  }

  /** The texts that all processes share: overrides, bans, and what was changed last. No key stands in the store as this one does. */
  get texts(): { readonly names: readonly string[]; readonly tag: string } {
    const start = `${this.#start}#}:`
    return { names: [`${start}texts`, `${start}bans`, `${start}changes`], tag: '#' }
  }

  /** A table of counts, in the slot of the texts. */
  counts(table: string): string {
    return `${this.#start}#}:counts:${table}`
  }

  /** The key as it stands in the store: what a cluster chooses the slot by. */
  tagOf(key: string): string {
    if (this.#secret !== undefined) return HASHED + digest(key, this.#secret)
    return PLAIN.test(key) ? key : HASHED + digest(key, undefined)
  }

  /** Whether keys are hidden. */
  get hides(): boolean {
    return this.#secret !== undefined
  }

  /** A glob that finds every bucket of a policy, or of all; `owns` decides for certain. */
  pattern(policy: Policy | undefined): string {
    return `${this.#start}*${policy === undefined ? '' : `}:${literalGlob(policy.address)}`}`
  }

  owns(name: string, policy: Policy | undefined): boolean {
    if (!name.startsWith(this.#start)) return false
    // A key has no braces, so the first that closes ends it.
    const end = name.indexOf('}:', this.#start.length)
    return end >= 0 && (policy === undefined || name.slice(end + 2) === policy.address)
  }
}

/** A glob that means the text itself. */
export function literalGlob(text: string): string {
  return text.replace(/[\\*?[\]^]/g, '\\$&')
}

function checkSecret(hashKeys: unknown): string | undefined {
  if (hashKeys === false) return undefined
  const secret = hashKeys === true ? environment('SLUICE_SECRET') : hashKeys
  if (typeof secret !== 'string' || secret.length < 16) {
    throw new ConfigError(
      'hashKeys: needs a secret of at least 16 characters, the same in every process: ' +
        "set the environment variable SLUICE_SECRET, or give it as in { hashKeys: 'a long secret text' }.",
    )
  }
  if (builtin('node:crypto') === undefined) throw new ConfigError('hashKeys: needs node:crypto, which is not here.')
  return secret
}

/** Over UTF-16, in which no two texts are alike, lone surrogates and all. */
function digest(key: string, secret: string | undefined): string {
  const crypto = builtin('node:crypto')
  if (crypto === undefined) return spelled(key)
  const hash = secret === undefined ? crypto.createHash('sha256') : crypto.createHmac('sha256', secret)
  return hash.update(key, 'utf16le').digest().toString('base64url')
}

/** Where there is no hash to be had: every UTF-16 unit in hexadecimal. */
function spelled(key: string): string {
  return Array.from({ length: key.length }, (_, i) => key.charCodeAt(i).toString(16).padStart(4, '0')).join('')
}
