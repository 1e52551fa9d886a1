import type { Connection } from './connection.js'
import type { Reply } from './reply.js'
import { script } from './script.js'

/** Runs the one script: by its text the first time, by its hash from then on, and by its text again where it was lost. */
export class Runner {
  readonly #connection: Connection
  #sha: string | undefined
  /** While somebody brings the text, others wait for it instead of bringing it too. */
  #loading: Promise<unknown> | undefined

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async run(names: readonly string[], args: readonly string[]): Promise<Reply> {
    if (this.#sha === undefined) return this.#load(names, args)
    try {
      return await this.#connection.evalsha(this.#sha, names, args)
    } catch (error) {
      if (!isUnknown(error)) throw error
      if (this.#loading === undefined) return this.#load(names, args)
      await this.#loading.catch(() => undefined)
      return this.#connection
        .evalsha(this.#sha, names, args)
        .catch((again) => (isUnknown(again) ? this.#load(names, args) : Promise.reject(again)))
    }
  }

  #load(names: readonly string[], args: readonly string[]): Promise<Reply> {
    const loading = this.#connection.eval(script, names, args).finally(() => {
      if (this.#loading === loading) this.#loading = undefined
    })
    this.#loading = loading
    if (this.#sha === undefined)
      sha1(script).then(
        (sha) => {
          this.#sha = sha
        },
        () => undefined,
      )
    return loading
  }
}

/** The script is not in the server's cache: it restarted, failed over, or was told to forget it. */
function isUnknown(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOSCRIPT')
}

async function sha1(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text)))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
