/** The parts of Node's own modules that core can use, but does not need. */
interface Builtins {
  'node:crypto': { createHash(name: 'sha256'): Hash; createHmac(name: 'sha256', secret: string): Hash }
  'node:diagnostics_channel': { channel(name: string): Channel }
  'node:module': { createRequire(from: string): (name: string) => unknown }
}

interface Hash {
  update(text: string, encoding?: 'utf16le'): Hash
  digest(): Digest
}

export interface Digest {
  subarray(from: number, to: number): Digest
  toString(encoding: 'base64' | 'base64url'): string
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

/** Says something to whoever runs the process, once per call. */
export function warn(code: string, sentence: string): void {
  runtime?.emitWarning?.(sentence, { type: 'SluiceWarning', code })
}
