import type { Readable, Writable } from 'node:stream'

/** What a command reads and prints: the process's own, or those of a test. */
export interface Streams {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable & { readonly isTTY?: boolean }
}
