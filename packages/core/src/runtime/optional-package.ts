import { builtin, workingDirectory } from './builtin.js'

/**
 * A package that an app may have: installed beside the module `from` (its `import.meta.url`, which a bundle has none of) or, where
 * packages see only what they name, beside the app. `undefined` where there is none, `false` where nothing can be looked for.
 */
export function optionalPackage(name: string, from: string | undefined): unknown {
  const modules = builtin('node:module')
  if (modules === undefined) return false
  for (const place of [from, `${workingDirectory()}/`]) {
    if (place === undefined) continue
    try {
      return modules.createRequire(place)(name)
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
  return undefined
}

function isMissing(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND'
}
