/** A response with status 200. */
interface Admitted {
  readonly customer: string
  readonly units: number
  /** Unix milliseconds. */
  readonly at: number
}

/** The two routes of examples/billing that use units. */
const REQUESTS = [
  { method: 'GET', path: '/search', units: 1 },
  { method: 'POST', path: '/reports', units: 10 },
]

/** Clients that each send one request after another, until the server is gone. */
export class BillingLoad {
  readonly #url: string
  readonly #began = Date.now()
  readonly #admitted: Admitted[] = []
  readonly #unanswered: Omit<Admitted, 'at'>[] = []
  readonly #clients: Promise<unknown>
  #waiting: { readonly ms: number; readonly resolve: () => void } | undefined

  /** Starts one client for each name in the list. */
  constructor(url: string, customers: readonly string[]) {
    this.#url = url
    this.#clients = Promise.all(customers.map((customer) => this.#client(customer)))
  }

  /** Resolves at the first response that arrives at least `ms` after the start. */
  past(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = { ms, resolve }
    })
  }

  /** Resolves when every client has found the server gone. */
  async ended(): Promise<void> {
    await this.#clients
  }

  /** Units of the responses with status 200 that arrived before a time, in Unix milliseconds. */
  admitted(customer: string, before = Number.POSITIVE_INFINITY): number {
    return unitsOf(this.#admitted.filter((one) => one.customer === customer && one.at < before))
  }

  /** Units of requests that were never answered. */
  unanswered(customer: string): number {
    return unitsOf(this.#unanswered.filter((one) => one.customer === customer))
  }

  async #client(customer: string): Promise<void> {
    for (let turn = 0; ; turn++) {
      const { method, path, units } = REQUESTS[turn % 5 === 4 ? 1 : 0] as (typeof REQUESTS)[number]
      try {
        const response = await fetch(this.#url + path, { method, headers: { 'x-api-key': `key-${customer}` } })
        const at = Date.now()
        await response.arrayBuffer()
        if (response.status === 200) this.#admitted.push({ customer, units, at })
        // The server is shutting down.
        if (response.status === 503) return
        this.#notify(at)
      } catch {
        this.#unanswered.push({ customer, units })
        return
      }
    }
  }

  #notify(at: number): void {
    if (this.#waiting === undefined || at < this.#began + this.#waiting.ms) return
    this.#waiting.resolve()
    this.#waiting = undefined
  }
}

function unitsOf(list: readonly { readonly units: number }[]): number {
  return list.reduce((sum, { units }) => sum + units, 0)
}
