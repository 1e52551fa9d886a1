import { createHash } from 'node:crypto'
import type { EntryKeys } from '../limits/entry-keys.js'

/** Keys that may be secrets are shown by their first characters and a digest, so that a report can be passed on. */
export function shownKey({ keys, isSecret }: EntryKeys, place: number, showKeys: boolean): string {
  return shownText(keys[place] ?? '', isSecret && !showKeys)
}

export function shownText(key: string, isSecret: boolean): string {
  if (!isSecret) return printable(key)
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 8)
  return `${printable(key.slice(0, Math.min(4, key.length >> 2)))}…${digest}`
}

/** Without control characters, which a terminal would obey. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\uFFFD')
  return plain.length > 80 ? `${plain.slice(0, 79)}…` : plain
}
