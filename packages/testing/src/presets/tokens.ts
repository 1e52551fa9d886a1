import type { Incoming } from '../mock/incoming.js'

/** What a mock model always says, in the parts in which it streams it. */
export const WORDS: readonly string[] = ['This ', 'is ', 'a ', 'mock ', 'answer.']

/** Tokens that a mock answer says it used: roughly four bytes each of what was asked, and one for each word of the answer. */
export function tokensOf({ request }: Incoming): { readonly input: number; readonly output: number } {
  return { input: Math.max(1, Math.ceil(Buffer.byteLength(request.body) / 4)), output: WORDS.length }
}

/** A text of the body, as its model; `otherwise` where it has none. */
export function textIn(json: unknown, name: string, otherwise: string): string {
  const value: unknown = typeof json === 'object' && json !== null ? Reflect.get(json, name) : undefined
  return typeof value === 'string' ? value : otherwise
}
