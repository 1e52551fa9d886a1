import { isError } from '../errors.js'
import type { Connection } from './connection.js'
import type { Reply } from './reply.js'

/** A script as the server knows it. */
interface Known {
  sha: string | undefined
  hashing: Promise<void> | undefined
  /** While somebody brings the text, others wait for it instead of bringing it too. */
  loading: Promise<unknown> | undefined
}

/** Runs scripts: by their text the first time, by their hash from then on, and by their text again where it was lost. */
export class Runner {
  readonly #connection: Connection
  readonly #known = new Map<string, Known>()
  /** Scripts that it was asked to run. */
  calls = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  run(script: string, names: readonly string[], args: readonly string[]): Promise<Reply> {
    this.calls += 1
    let known = this.#known.get(script)
    if (known === undefined) {
      known = { sha: undefined, hashing: undefined, loading: undefined }
      this.#known.set(script, known)
    }
    const { sha } = known
    if (sha === undefined) return this.#load(script, known, names, args)
    const again = () => this.#connection.evalsha(sha, names, args)
    return again().catch(async (error) => {
      if (!isUnknown(error)) throw error
      if (known.loading !== undefined) {
        await known.loading.catch(() => undefined)
        const answer = await again().catch((failure) => {
          if (!isUnknown(failure)) throw failure
        })
        if (answer !== undefined) return answer
      }
      return this.#load(script, known, names, args)
    })
  }

  #load(script: string, known: Known, names: readonly string[], args: readonly string[]): Promise<Reply> {
    const loading = this.#connection.eval(script, names, args).finally(() => {
      if (known.loading === loading) known.loading = undefined
    })
    known.loading = loading
    known.hashing ??= sha1(script).then(
      (sha) => {
        known.sha = sha
      },
      () => undefined,
    )
    return loading
  }
}

/** The script is not in the server's cache: it restarted, failed over, or was asked to forget it. */
function isUnknown(error: unknown): boolean {
  return isError(error) && error.message.includes('NOSCRIPT')
}

async function sha1(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text)))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
