import type { Reply } from './reply.js'

/**
 * A way to a server that runs Lua as Redis does: what a client library has to be able to do. An error whose `unsent` is
 * true has not reached the server.
 */
export interface Connection {
  /** Where it leads, without secrets: for sentences to people. */
  readonly url: string
  /** Runs a script by its SHA-1. Rejects with an error that has NOSCRIPT in it where the server does not know the script. */
  evalsha(sha: string, names: readonly string[], args: readonly string[]): Promise<Reply>
  /** Runs a script by its text; the server knows it from then on. */
  eval(text: string, names: readonly string[], args: readonly string[]): Promise<Reply>
  /** Names that match a glob, in portions; one may come twice. */
  scan(pattern: string): AsyncIterable<readonly string[]>
  remove(names: readonly string[]): Promise<unknown>
  close(): void | Promise<void>
  /** The cluster slot of a key's tag: only what shares a slot can travel together. Absent where there are no slots. */
  slotOf?(tag: string): number
  /** The node that serves a slot now. */
  nodeOf?(slot: number): string
}
