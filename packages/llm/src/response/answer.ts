import type { UsageSaid } from '../usage/usage.js'

/** What is learned of an answer while it passes. */
export interface Answer {
  /** A part of its body, decoded. */
  read(text: string): void
  /** Nothing more comes. */
  end(): void
  /** What it has said of its usage so far. */
  readonly usage: UsageSaid
  /** Tokens that the model has written since then, by estimate. */
  readonly writtenSince: number
  /** Which model answers, where it says so. */
  readonly model: string | undefined
}

/** What reads usage out of the data of an answer or of an event: a provider's way, or the app's own. */
export interface UsageReader {
  usage(data: unknown): UsageSaid | undefined
  answeredBy(data: unknown): string | undefined
  /** Whether usage may stand in any data, under any name. */
  readonly isOwn: boolean
}
