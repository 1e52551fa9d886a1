/** What a call used, as its answer says. */
export interface Usage {
  /** All tokens that went in, those read from or written to a cache included. */
  readonly inputTokens: number
  /** All tokens that came out, those of reasoning included. */
  readonly outputTokens: number
  /** Of the input, tokens that were read from the provider's cache. */
  readonly cachedTokens: number
  /** Of the input, tokens that were written to the provider's cache. */
  readonly cacheWriteTokens: number
}

/** What an answer, or a part of one, says of its usage. */
export type UsageSaid = { readonly [Name in keyof Usage]?: number | undefined }

/** A number of tokens in an answer; `undefined` for anything else. */
export function tokensIn(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
    ? Math.min(Math.ceil(value), MOST_TOKENS)
    : undefined
}

/** No answer has more: what says so is mistaken. */
const MOST_TOKENS = 1_000_000_000_000

/** Whole units, as many as can be counted. */
export function sumOf(some: number, more: number): number {
  return Math.min(some + more, Number.MAX_SAFE_INTEGER)
}

/** What is known so far, with what has been said since: a stream says it in parts, and the last word on each counts. */
export function merged(known: UsageSaid, next: UsageSaid): UsageSaid {
  const said = Object.entries(next).filter(([, value]) => value !== undefined)
  return said.length === 0 ? known : { ...known, ...Object.fromEntries(said) }
}

/** A property of something that may be no object. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Readonly<Record<string, unknown>>)[name]
  }
  return found
}
