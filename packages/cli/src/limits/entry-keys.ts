import type { Decision } from '@sluice/core'
import type { LogEntry } from '../logs/entry.js'

/** The keys of entries, numbered in the order in which they came. */
export interface EntryKeys {
  /** Where keys come from, as it is shown. */
  readonly text: string
  /** Whether keys may be secrets, such as API keys. */
  readonly isSecret: boolean
  /** The keys that there have been. */
  readonly keys: readonly string[]
  /** The places of the entries' keys among them; -1 where a line does not say. Missing where only a decision knows. */
  placesOf?(entries: readonly LogEntry[]): Int32Array
  /** The place of the key that was decided about. */
  placeOf(decision: Decision): number
}

/** Keys may be secrets where they come from a header, or from a field whose name says so. */
export function isSecretSource(text: string): boolean {
  return /header:|token|secret|key|auth|session|cookie|password/i.test(text)
}

/**
 * Keeps one text for each key. A part of a line refers to the whole block that it was cut from, which would otherwise stay in
 * memory for as long as the key is known.
 */
export class KeyNumbers {
  readonly keys: string[] = []
  readonly #places = new Map<string, number>()

  placeOf(key: string): number {
    return this.#places.get(key) ?? this.#add(key)
  }

  /** The place of a key that there has been. */
  knownPlaceOf(key: string): number | undefined {
    return this.#places.get(key)
  }

  #add(key: string): number {
    const own = Buffer.from(key, 'utf8').toString('utf8')
    const place = this.keys.push(own) - 1
    this.#places.set(own, place)
    return place
  }
}
