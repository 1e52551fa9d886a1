import { ConfigError } from '@sluice/core'
import { nearestTo } from '@sluice/core/runtime'
import type { Config } from './config.js'
import { configPath, isData } from './config-path.js'
import { readText } from './config-text.js'
import { makeConfig } from './make-config.js'
import { shown } from './problems.js'
import { readData } from './read-data.js'
import { readModule } from './read-module.js'
import { watchFile } from './watch.js'

/** Which file `loadConfig` reads, and how. */
export interface LoadOptions {
  /** The file; defaults to the `sluice.config.*` of the working directory. */
  readonly path?: string | undefined
  /** Reads the file again when it changes, and gives `sluice()` each new configuration that is valid; defaults to `false`. */
  readonly watch?: boolean | undefined
  /** What `${NAME}` in JSON and YAML reads; defaults to `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
}

/**
 * Reads `sluice.config.json`, `.yaml`, `.yml`, `.js`, `.mjs`, `.cjs`, `.ts` or `.mts`.
 * @example const limit = sluice(await loadConfig())
 * @throws {ConfigError} with a line for each thing that is wrong: the file, line and column, what was read and what was expected.
 */
export async function loadConfig(options: string | LoadOptions = {}): Promise<Config> {
  const { path, watch = false, env = process.env } = checkOptions(options)
  const file = configPath(path)
  const read = async (text: string, again: boolean): Promise<Config> =>
    makeConfig(isData(file) ? await readData(file, text, env) : await readModule(file, again))
  const text = await readText(file)
  const config = await read(text, false)
  return watch
    ? { ...config, watch: (apply) => watchFile({ file, text, read: (next) => read(next, true) }, apply) }
    : config
}

const KINDS: Readonly<Record<string, string>> = { path: 'string', watch: 'boolean', env: 'object' }

function checkOptions(given: string | LoadOptions): LoadOptions {
  const options: unknown = typeof given === 'string' ? { path: given } : given
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ConfigError(`loadConfig() takes a path or an object, got ${shown(options)}.`)
  }
  for (const [name, value] of Object.entries(options)) {
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined
    if (kind === undefined) {
      const nearest = nearestTo(name, Object.keys(KINDS))
      const hint = nearest === undefined ? 'The options are: path, watch, env.' : `Did you mean "${nearest}"?`
      throw new ConfigError(`loadConfig() has no option "${name}". ${hint}`)
    }
    if (value !== undefined && (typeof value !== kind || value === null)) {
      throw new ConfigError(
        `loadConfig(): ${name}: expected ${kind === 'object' ? 'an' : 'a'} ${kind}, got ${shown(value)}.`,
      )
    }
  }
  return options
}
