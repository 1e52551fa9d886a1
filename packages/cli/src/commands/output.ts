import { writeFileSync } from 'node:fs'
import { ConfigError } from '@sluice/core'
import { describe } from '@sluice/core/runtime'
import { CommandError, EXIT } from '../terminal/exit.js'
import type { Streams } from '../terminal/streams.js'

/** Writes a result where it was asked for: to a file, or to standard output. */
export function write({ stdout }: Streams, text: string, path?: string): void {
  const whole = text.endsWith('\n') ? text : `${text}\n`
  if (path === undefined || path === '-') stdout.write(whole)
  else {
    try {
      writeFileSync(path, whole)
    } catch (error) {
      throw new CommandError(`${path} cannot be written: ${describe(error)}`, EXIT.failed)
    }
  }
}

/** @throws {ConfigError} on what is no number of rows. */
export function checkTop(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value <= 10_000) return value
  throw new ConfigError(`--top: expected a whole number from 0 to 10,000, got '${text}'.`)
}
