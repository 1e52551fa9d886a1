import { METRICS } from '../definitions.js'
import { BoundedNames } from './bounded-names.js'
import type { Family, Sample } from './family.js'
import { HistogramFamily } from './histogram.js'
import { Tallies } from './tallies.js'

/** The part of a client of `@sluice/client` that is observed: this package does not load it. */
export interface ObservedClient {
  on(name: 'attempt', listener: (event: { key: string; result: string; tookMs: number }) => void): () => void
  on(name: 'retry' | 'giveUp', listener: (event: { key: string }) => void): () => void
  on(name: 'wait', listener: (event: { key: string; waitMs: number; reason: string }) => void): () => void
  state(): readonly {
    readonly key: string
    readonly breaker: 'closed' | 'open' | 'half-open' | undefined
    readonly gateClosedUntil: number | undefined
  }[]
}

export function isClient(source: unknown): source is ObservedClient {
  if ((typeof source !== 'object' && typeof source !== 'function') || source === null) return false
  return 'on' in source && typeof source.on === 'function' && 'state' in source && typeof source.state === 'function'
}

const BREAKER = { closed: 0, 'half-open': 1, open: 2 } as const

/** What clients send, in numbers: peers are their keys, an origin unless an app says otherwise. */
export class ClientsObserver {
  readonly waits: HistogramFamily = new HistogramFamily(METRICS.clientWaits)
  readonly durations: HistogramFamily = new HistogramFamily(METRICS.clientDuration)
  readonly #peers = new BoundedNames('peers')
  readonly #clients: ObservedClient[] = []
  readonly #requests = new Tallies()
  readonly #retries = new Tallies()
  readonly #givenUp = new Tallies()

  observe(client: ObservedClient): () => void {
    const peerOf = ({ key }: { readonly key: string }): string => this.#peers.labelOf(key)
    this.#clients.push(client)
    const stops = [
      client.on('attempt', (event) => {
        const peer = peerOf(event)
        this.#requests.add({ peer, result: event.result })
        this.durations.of({ peer }).record(event.tookMs / 1_000)
      }),
      client.on('retry', (event) => this.#retries.add({ peer: peerOf(event) })),
      client.on('giveUp', (event) => this.#givenUp.add({ peer: peerOf(event) })),
      client.on('wait', (event) =>
        this.waits.of({ peer: peerOf(event), reason: event.reason }).record(event.waitMs / 1_000),
      ),
    ]
    return () => {
      for (const stop of stops) stop()
      this.#clients.splice(this.#clients.indexOf(client), 1)
    }
  }

  families(): readonly Family[] {
    const [breakers, gates] = this.#states()
    return [
      { definition: METRICS.clientRequests, samples: this.#requests.samples() },
      { definition: METRICS.clientDuration, samples: this.durations.samples() },
      { definition: METRICS.clientRetries, samples: this.#retries.samples() },
      { definition: METRICS.clientGivenUp, samples: this.#givenUp.samples() },
      { definition: METRICS.clientWaits, samples: this.waits.samples() },
      { definition: METRICS.clientBreaker, samples: breakers },
      { definition: METRICS.clientGate, samples: gates },
    ]
  }

  /** The worst of those that share a label. */
  #states(): readonly [readonly Sample[], readonly Sample[]] {
    const breakers = new Map<string, number>()
    const gates = new Map<string, number>()
    const now = Date.now()
    for (const { key, breaker, gateClosedUntil } of this.#clients.flatMap((client) => client.state())) {
      const peer = this.#peers.labelOf(key)
      if (breaker !== undefined) breakers.set(peer, Math.max(breakers.get(peer) ?? 0, BREAKER[breaker]))
      gates.set(peer, Math.max(gates.get(peer) ?? 0, (gateClosedUntil ?? 0) > now ? 1 : 0))
    }
    const samples = (values: ReadonlyMap<string, number>): readonly Sample[] =>
      Array.from(values, ([peer, value]) => ({ labels: { peer }, value }))
    return [samples(breakers), samples(gates)]
  }
}
