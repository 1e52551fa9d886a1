import { readFile, stat } from 'node:fs/promises'
import { configError, describe } from './problems.js'

/** Thousands of limits; what is larger is no configuration, and would take seconds to read. */
const MOST_BYTES = 256 * 1024

/**
 * The text of a file.
 * @throws {ConfigError} where it cannot be read, is too large or is no text.
 */
export async function readText(file: string): Promise<string> {
  const refuse = (sentence: string, cause?: unknown): Error => configError(file, [{ path: [], sentence }], cause)
  const found = await stat(file).catch((error: unknown) => {
    throw refuse(`expected a file that can be read, got none: ${describe(error)}.`, error)
  })
  if (!found.isFile()) throw refuse('expected a file, got something else.')
  if (found.size > MOST_BYTES) {
    throw refuse(`expected at most ${MOST_BYTES / 1024} KiB, got ${Math.ceil(found.size / 1024)} KiB.`)
  }
  const bytes = await readFile(file).catch((error: unknown) => {
    throw refuse(`expected a file that can be read, got none: ${describe(error)}.`, error)
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw refuse('expected a text in UTF-8, got other bytes.', error)
  }
}
