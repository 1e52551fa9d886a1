/** The parts of Node's own modules that core can use, but does not need. */
interface Builtins {
  'node:crypto': { createHash(name: 'sha256'): { update(text: string): { digest(): Digest } } }
  'node:diagnostics_channel': { channel(name: string): Channel }
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
  getBuiltinModule?<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined
  emitWarning?(warning: string, options: { type: string; code: string }): void
}

const runtime: Runtime | undefined = (globalThis as { process?: Runtime }).process

/** A module of Node's, where there is one: core imports none, so that it runs anywhere. */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined {
  return runtime?.getBuiltinModule?.(name)
}

/** Says something to whoever runs the process, once per call. */
export function warn(code: string, sentence: string): void {
  runtime?.emitWarning?.(sentence, { type: 'SluiceWarning', code })
}
