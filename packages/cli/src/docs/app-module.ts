import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError } from '@sluice/core'
import { describe } from '@sluice/core/runtime'
import { recordRoutes } from '@sluice/openapi'
import { EXIT } from '../terminal/exit.js'

/** Names under which modules export their app, in the order in which they are looked for. */
const NAMES = ['app', 'default', 'server', 'router', 'fastify']

/**
 * Imports the module of an app and returns the app: the export that `#name` names, or the first of the usual ones. Routes of Fastify
 * are recorded from before the import on.
 * @throws {ConfigError} where it cannot be imported, or exports no app.
 */
export async function appFrom(text: string): Promise<unknown> {
  const [path = '', name] = text.split('#')
  recordRoutes()
  redirectLogs()
  const module = await importModule(path)
  const found = name === undefined ? NAMES.map((one) => exportOf(module, one)).find(isApp) : exportOf(module, name)
  if (!isApp(found)) {
    throw new ConfigError(
      `--app: ${path} exports no app${name === undefined ? '' : ` as '${name}'`}; expected one of Express, Koa or Fastify, exported as ` +
        `${NAMES.join(', ')} or named as in ${path}#myApp. It exports: ${Object.keys(Object(module)).join(', ') || 'nothing'}.`,
    )
  }
  // Of Fastify, plugins are loaded only now.
  if (typeof found === 'object' && 'ready' in found && typeof found.ready === 'function') await found.ready()
  return found
}

/** What the app logs must not stand in a document that goes to standard output. */
function redirectLogs(): void {
  for (const name of ['log', 'info', 'debug'] as const) console[name] = console.error
  // The app itself may be running already, on the same port.
  process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') return
    process.stderr.write(`--app: the app failed: ${describe(error)}\n`)
    process.exit(EXIT.failed)
  })
}

async function importModule(path: string): Promise<unknown> {
  try {
    return await import(pathToFileURL(resolve(path)).href)
  } catch (error) {
    throw new ConfigError(`--app: ${path} cannot be imported: ${describe(error)}`)
  }
}

/** An export, also of a CommonJS module. */
function exportOf(module: unknown, name: string): unknown {
  const own: unknown = Reflect.get(Object(module), name)
  if (own !== undefined && name !== 'default') return own
  const inner: unknown = Reflect.get(Object(module), 'default')
  return name === 'default' ? inner : Reflect.get(Object(inner), name)
}

/** Apps of Express are functions; factories that make one have no router. */
function isApp(value: unknown): value is object {
  if (typeof value === 'function') return 'use' in value && ('handle' in value || 'stack' in value)
  if (typeof value !== 'object' || value === null) return false
  return 'use' in value || 'addHook' in value || 'stack' in value
}
