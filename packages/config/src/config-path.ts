import { existsSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { ConfigError } from '@sluice/core'
import { shown, shownFile } from './problems.js'

const EXTENSIONS = ['.json', '.yaml', '.yml', '.js', '.mjs', '.cjs', '.ts', '.mts'] as const

const NAMES = EXTENSIONS.map((extension) => `sluice.config${extension}`)

/**
 * The file of a configuration: the one given, or the only one in the working directory.
 * @throws {ConfigError} where there is none, or one too many.
 */
export function configPath(given: string | undefined): string {
  if (given === undefined) return findIn(process.cwd())
  const file = resolve(given)
  if (EXTENSIONS.some((extension) => extension === extname(file))) return file
  throw new ConfigError(
    `${shownFile(file)}: expected a file with ${EXTENSIONS.join(', ')}, got ${shown(extname(file))}.`,
  )
}

function findIn(folder: string): string {
  const [found, other] = NAMES.filter((name) => existsSync(join(folder, name)))
  if (found === undefined) {
    throw new ConfigError(`loadConfig() found no configuration in ${folder}. Expected one of ${NAMES.join(', ')}.`)
  }
  if (other !== undefined) {
    throw new ConfigError(
      `loadConfig() found ${found} and ${other} in ${folder}. Expected one: remove the other, or give a path.`,
    )
  }
  return join(folder, found)
}

/** Whether a file is JSON or YAML, rather than a module. */
export function isData(file: string): boolean {
  return /\.(?:json|ya?ml)$/.test(file)
}
