/** The parts of Node's own modules that core can use, but does not need. */
interface Builtins {
  'node:crypto': { createHash(name: 'sha256'): Hash; createHmac(name: 'sha256', secret: string): Hash }
  'node:async_hooks': { AsyncLocalStorage: new <T>() => Storage<T> }
  'node:diagnostics_channel': {
    channel(name: string): Channel
    subscribe(name: string, listener: (message: unknown) => void): void
    unsubscribe(name: string, listener: (message: unknown) => void): void
  }
  'node:module': { createRequire(from: string): (name: string) => unknown }
}

interface Hash {
  update(text: string, encoding?: 'utf16le'): Hash
  digest(): Digest
}

export interface Digest {
  subarray(from: number, to: number): Digest
  toString(encoding: 'base64' | 'base64url' | 'hex'): string
}

export interface Storage<T> {
  enterWith(store: T): void
  getStore(): T | undefined
  disable(): void
}

export interface Channel {
  readonly hasSubscribers: boolean
  publish(message: unknown): void
}

interface Runtime {
  readonly env?: Readonly<Record<string, string | undefined>>
  cwd?(): string
  getBuiltinModule?<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined
  emitWarning?(warning: string, options: { type: string; code: string }): void
}

const runtime: Runtime | undefined = (globalThis as { process?: Runtime }).process

/** A module of Node's, where there is one: core imports none, so that it runs anywhere. */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined {
  return runtime?.getBuiltinModule?.(name)
}

/** A variable of the environment, where there is one. */
export function environment(name: string): string | undefined {
  return runtime?.env?.[name]
}

export function workingDirectory(): string {
  return runtime?.cwd?.() ?? ''
}

interface Tracing {
  stackTraceLimit: number
  captureStackTrace?(holder: object, above: unknown): void
}

/** Frames of ours. */
const OWN_FRAME = /[\\/]@sluice[\\/]|[\\/]http[\\/](?:sluice|creation)\.[jt]s:/

/** The calls that led to `above`, and the place in the app's code that they came from. */
export function placeOfCall(above: unknown): { readonly stack: string; readonly place: string } {
  const tracing = Error as unknown as Tracing
  const holder: { stack?: unknown } = {}
  let stack = ''
  try {
    const { stackTraceLimit } = tracing
    tracing.stackTraceLimit = 200
    tracing.captureStackTrace?.(holder, above)
    tracing.stackTraceLimit = stackTraceLimit
    if (typeof holder.stack === 'string') stack = holder.stack
  } catch {
    // Frozen intrinsics, or an app's own prepareStackTrace that throws: there is no trace then.
  }
  const first = stack.split('\n').find((line) => /^ +at /.test(line) && !OWN_FRAME.test(line)) ?? ''
  return { stack, place: /\(([^()]+)\)$/.exec(first)?.[1] ?? first.replace(/^ +at (?:async )?/, '') }
}

/** Says something to whoever runs the process, once per call. */
export function warn(code: string, sentence: string): void {
  runtime?.emitWarning?.(sentence, { type: 'SluiceWarning', code })
}
