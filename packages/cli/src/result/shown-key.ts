import { createHash } from 'node:crypto'
import type { EntryKeys } from '../limits/entry-keys.js'
import { plain } from '../terminal/plain.js'

/** Keys that may be secrets are shown by their first characters and a digest, so that a report can be passed on. */
export function shownKey({ keys, isSecret }: EntryKeys, place: number, showKeys: boolean): string {
  return shownText(keys[place] ?? '', isSecret && !showKeys)
}

export function shownText(key: string, isSecret: boolean): string {
  if (!isSecret) return printable(key)
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 8)
  return `${printable(key.slice(0, Math.min(4, key.length >> 2)))}…${digest}`
}

/** A text as it is shown: cut, and without what a terminal would obey. */
export function printable(text: string): string {
  const shown = plain(text)
  return shown.length > 80 ? `${shown.slice(0, 79)}…` : shown
}
