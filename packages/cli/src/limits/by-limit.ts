import { ConfigError } from '@sluice/core'
import { nearestTo } from '@sluice/core/runtime'

/**
 * Texts by the limit that they name, as in `login=POST /login`; one without a name is of all limits.
 * @throws {ConfigError} on a name that no limit has, and where one is given twice.
 */
export function ofEachName(
  option: string,
  texts: readonly string[],
  names: readonly string[],
): ReadonlyMap<string | undefined, string> {
  const found = new Map<string | undefined, string>()
  for (const text of texts) {
    const name = names.find((one) => text.startsWith(`${one}=`)) ?? unknownName(option, text, names)
    if (found.has(name)) {
      const whose = name === undefined ? 'all limits' : `the limit "${name}"`
      throw new ConfigError(`${option}: given twice for ${whose}.`)
    }
    found.set(name, name === undefined ? text : text.slice(name.length + 1))
  }
  return found
}

/** @throws {ConfigError} where a text begins as if it named a limit. */
function unknownName(option: string, text: string, names: readonly string[]): undefined {
  const [, name] = /^([\w.-]*)=/.exec(text) ?? []
  if (name === undefined) return undefined
  const nearest = nearestTo(name, names)
  const hint = nearest === undefined ? `The limits are: ${names.join(', ')}.` : `Did you mean "${nearest}"?`
  throw new ConfigError(`${option}: no limit is named "${name}". ${hint}`)
}
