import { RollingCount } from './rolling-count.js'

export interface BudgetTerms {
  /** Retries for each request. */
  readonly share: number
  /** Retries a second beside that. */
  readonly perSecond: number
}

/** The time that requests and retries are counted over. */
const SECONDS = 10

/**
 * How many retries a key has left: over the last ten seconds no more than a share of the requests, and some for each second. So
 * a server that is down sees a fifth more of load, and not three times as much.
 */
export class RetryBudget {
  readonly #terms: BudgetTerms
  readonly #requests = new RollingCount(SECONDS, 1_000)
  readonly #retries = new RollingCount(SECONDS, 1_000)

  constructor(terms: BudgetTerms) {
    this.#terms = terms
  }

  noteRequest(): void {
    this.#requests.add()
  }

  /** Whether there is one more retry, which is counted then. */
  takeRetry(): boolean {
    if (this.left < 1) return false
    this.#retries.add()
    return true
  }

  get left(): number {
    const { share, perSecond } = this.#terms
    return share * this.#requests.total + perSecond * SECONDS - this.#retries.total
  }
}
