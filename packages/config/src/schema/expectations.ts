import { nearestTo } from '@sluice/core/runtime'
import * as z from 'zod'
import { shown } from '../problems.js'
import { help } from './help.js'

/** A file is data, where keys and plans are texts; a module is code, which may also hold functions and policies. */
export type Form = 'data' | 'code'

/** A whole number in a range. */
export function whole(least: number, most: number, description: string): z.ZodInt {
  const sentence = `expected a whole number from ${least} to ${most}`
  return z.int(sentence).min(least, sentence).max(most, sentence).register(help, { description })
}

/** One of some words. */
export function oneOf<const Words extends readonly string[]>(
  words: Words,
  description: string,
): z.ZodEnum<{ [Word in Words[number]]: Word }> {
  const sentence = `expected ${words.map((word) => `'${word}'`).join(', ')}`
  return z.enum(words, sentence).register(help, { description })
}

export function flag(description: string): z.ZodBoolean {
  return z.boolean('expected true or false').register(help, { description })
}

/** A function, which only code can hold. */
export function functionOf<F>(sentence: string): z.ZodCustom<F, F> {
  return customOf<F>((value) => typeof value === 'function', sentence)
}

/** Marks an issue that says that a value is of another kind, as zod's own `invalid_type` does. */
export const OTHER_KIND = 'otherKind'

/** Marks an issue whose message may repeat what was read; its value is a sentence that does not. */
export const WITHOUT_QUOTES = 'withoutQuotes'

/** An issue in the words of core, which quote, and in words that do not. */
export function quoting(
  message: string,
  without: string,
): { code: 'custom'; message: string; params: Record<string, string> } {
  return { code: 'custom', message, params: { [WITHOUT_QUOTES]: without } }
}

/** A kind of value that zod has no schema for. */
export function customOf<T>(isOne: (value: unknown) => boolean, sentence: string): z.ZodCustom<T, T> {
  return z.custom<T>(isOne, { error: sentence, params: { [OTHER_KIND]: true } })
}

/**
 * An object with these keys and no other.
 * @param elsewhere Keys of other objects, which a misspelt one may have been meant for.
 */
export function strict<Shape extends z.core.$ZodShape>(
  what: string,
  shape: Shape,
  elsewhere: readonly string[] = [],
): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape)
  const object = z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownKey(key, known, elsewhere)).join('\n')
        : `expected ${what}`,
  })
  // For zod an unknown key is no reason to stop: a union would take such an object for the branch that was meant.
  return object.superRefine((_, context) => {
    context.issues = context.issues.map((issue) => ({ ...issue, continue: false }))
  })
}

/** A line for each key: the issue of zod has all of them, but a single message. */
function unknownKey(key: string, known: readonly string[], elsewhere: readonly string[]): string {
  const nearest = nearestTo(key, known) ?? nearestTo(key, elsewhere)
  return nearest === undefined
    ? `expected one of ${known.join(', ')}, got an unknown key.`
    : `expected a known key, got ${shown(key)}. Did you mean ${shown(nearest)}?`
}
