/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2, condition: 3 } as const

/** Ends the command with a sentence and a code. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}
