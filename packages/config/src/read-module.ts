import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { complete, configError, describe, shown } from './problems.js'
import { checkFile } from './schema/check.js'
import type { ParsedFile } from './schema/file.js'
import { valueAt } from './schema/issues.js'

/**
 * Reads a file of JavaScript, or of TypeScript where the runtime does.
 * @param again Whether it was imported before, and has changed. Modules that it imports stay as they are.
 * @throws {ConfigError} with everything that is wrong, by path: a module does not know its lines.
 */
export async function readModule(file: string, again: boolean): Promise<ParsedFile> {
  const value = await exportOf(file, again)
  const { file: parsed, complaints } = await checkFile('code', value)
  if (parsed !== undefined) return parsed
  const problems = complaints.map(({ path, sentence }) => ({
    path,
    sentence: complete(sentence, shown(valueAt(value, path))),
  }))
  throw configError(file, problems)
}

/** The default export, or what it returns or resolves with. */
async function exportOf(file: string, again: boolean): Promise<unknown> {
  let exported: unknown
  try {
    exported = defaultOf(await importFile(file, again))
    if (typeof exported === 'function') exported = exported()
    exported = await exported
  } catch (error) {
    throw configError(file, [{ path: [], sentence: importFault(file, error) }], error)
  }
  if (exported === undefined) throw configError(file, [{ path: [], sentence: 'expected a default export, got none.' }])
  return exported
}

async function importFile(file: string, again: boolean): Promise<unknown> {
  const url = pathToFileURL(file)
  if (again) {
    // A module is imported once for each URL; one of CommonJS is kept by its path beside that.
    url.searchParams.set('t', String(Date.now()))
    delete createRequire(import.meta.url).cache[file]
  }
  return import(url.href)
}

/** A compiled module in CommonJS has its default export one level deeper. */
function defaultOf(module: unknown): unknown {
  const outer = valueAt(module, ['default'])
  return valueAt(outer, ['__esModule']) === true ? valueAt(outer, ['default']) : outer
}

function importFault(file: string, error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_UNKNOWN_FILE_EXTENSION' && /ts$/.test(file)) {
    return `expected Node.js 22.18 or newer, which reads TypeScript, got ${process.version}. Write it in JavaScript, as sluice.config.js.`
  }
  return `expected a module that can be imported, got an error: ${describe(error)}.`
}
