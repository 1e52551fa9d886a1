import { createHash, randomUUID } from 'node:crypto'
import { ConfigError } from '@sluice/core'
import { observableOf } from '@sluice/core/observe'
import { checkOptions, checkWhole, describe, LONGEST_TIMER_MS, shown, warn } from '@sluice/core/runtime'
import { type KeyOptions, keyShower } from '../shown-key.js'
import { Delivery, type DeliveryResult } from './delivery.js'
import { onceOver } from './once.js'
import { SECRET_EXAMPLE, signerFor } from './signature.js'

/** What happened. */
export type WebhookType = 'quota.crossed' | 'key.banned' | 'store.degraded' | 'store.recovered'

export interface WebhookOptions extends KeyOptions {
  /** `'whsec_…'`, which the receiver has too; or several, while it is changed. */
  readonly secret: string | readonly string[]
  /** How keys are shown; defaults to `'plain'`, since a receiver may have to act on them. */
  readonly key?: 'hashed' | 'plain' | undefined
  /** Only these; all by default. */
  readonly types?: readonly WebhookType[] | undefined
  /** Milliseconds until the receiver must have answered, 100 to 60,000; defaults to 10,000. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds between attempts, as many as follow the first; by default 5 s, 30 s, 2 min, 10 min, 30 min and 2 h. */
  readonly retryMs?: readonly number[] | undefined
}

/** Sends messages to one receiver. */
export interface Webhook {
  /**
   * Sends what happens to these limits, or this limiter. Returns a function that stops it.
   * @throws {ConfigError} on what cannot be observed.
   */
  observe(source: object): () => void
  /** Listens to what becomes of messages. Returns a function that stops listening. */
  onDelivery(listener: (result: DeliveryResult) => void): () => void
  /** Stops observing, sends once more what waits, and resolves when nothing is under way. */
  close(): Promise<void>
}

const TYPES: readonly WebhookType[] = ['quota.crossed', 'key.banned', 'store.degraded', 'store.recovered']

/** Ids that are remembered; they are of no use after a minute. */
const MOST_SAID = 1_000

const QUIET_MS = 60_000

const RETRY_MS = [5_000, 30_000, 120_000, 600_000, 1_800_000, 7_200_000]

/**
 * Tells a receiver of quotas that are crossed, keys that are banned and stores that fail, signed as Standard Webhooks says. Of servers
 * that share a store, one sends it; while the store is down, each does, under an id that is the same.
 * @example
 * const alerts = webhook('https://example.com/hooks/limits', { secret: process.env.WEBHOOK_SECRET })
 * alerts.observe(limit)
 * @throws {ConfigError} on an address or an option that cannot be right.
 */
export function webhook(url: string, options: WebhookOptions): Webhook {
  if (options === undefined) throw new ConfigError(`webhook(): needs a secret. ${SECRET_EXAMPLE}`)
  checkOptions('webhook()', options, ['secret', 'types', 'timeoutMs', 'retryMs', 'key', 'keySecret'])
  const { secret, types = TYPES, timeoutMs = 10_000, retryMs = RETRY_MS } = options
  for (const type of types) {
    if (!TYPES.includes(type))
      throw new ConfigError(`types: there is no ${shown(type)}. They are: ${TYPES.join(', ')}.`)
  }
  for (const ms of retryMs) checkWhole('retryMs', ms, 1, LONGEST_TIMER_MS)
  const terms = {
    url: checkUrl(url),
    sign: signerFor(secret),
    timeoutMs: checkWhole('timeoutMs', timeoutMs, 100, 60_000),
    retryMs,
  }
  // By default plain: a receiver that has to act on a key has to know it.
  return new Sender(terms, new Set(types), keyShower({ ...options, key: options.key ?? 'plain' }))
}

class Sender implements Webhook {
  readonly #types: ReadonlySet<WebhookType>
  readonly #shown: (key: string) => string
  readonly #delivery: Delivery
  readonly #listeners = new Set<(result: DeliveryResult) => void>()
  readonly #stops = new Set<() => void>()
  /** What this process has said, or left to another: several limits on a store notice the same. */
  readonly #said = new Set<string>()
  /** How often each part of a store has failed or recovered, since it was last quiet for a minute. */
  readonly #turns = new Map<string, { count: number; at: number }>()

  constructor(
    terms: ConstructorParameters<typeof Delivery>[0],
    types: ReadonlySet<WebhookType>,
    shownKey: (key: string) => string,
  ) {
    this.#types = types
    this.#shown = shownKey
    this.#delivery = new Delivery(terms, (result) => {
      for (const listener of this.#listeners) {
        try {
          listener(result)
        } catch (error) {
          warn('SLUICE_LISTENER', `A listener of a webhook failed: ${describe(error)}`)
        }
      }
    })
  }

  observe(source: object): () => void {
    const observable = observableOf(source, 'webhook().observe()')
    const isFirst = onceOver(observable)
    const store = observable.store.url ?? 'memory'
    const stops = [
      observable.observe({
        // Of a share that is crossed, one take in all processes learns.
        warned: (limit, { name, unit, quota }, key, share, used) =>
          this.#send('quota.crossed', randomUUID(), {
            ...{ limit, policy: name, key: this.#shown(key) },
            ...{ share, used, quota, unit },
          }),
        banned: (limit, key, until, times) => {
          const data = { limit, key: this.#shown(key), until: new Date(until).toISOString(), times }
          this.#sendOnce(isFirst, 'key.banned', `${limit}\0${key}\0${times}`, data)
        },
      }),
      // Not as a listener of the event: where there is none, the process is warned.
      observable.observeStore({
        degraded: ({ message }, part) =>
          this.#sendOnce(isFirst, 'store.degraded', this.#turnOf(store, part), { store, part, error: message }),
        recovered: (part, afterMs) =>
          this.#sendOnce(isFirst, 'store.recovered', this.#turnOf(store, part), { store, part, afterMs }),
      }),
    ]
    const stop = (): void => {
      for (const one of stops) one()
      this.#stops.delete(stop)
    }
    this.#stops.add(stop)
    return stop
  }

  onDelivery(listener: (result: DeliveryResult) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    for (const stop of [...this.#stops]) stop()
    await this.#delivery.close()
  }

  /** Another outage is another message, however soon it comes: all servers count the same turns. */
  #turnOf(store: string, part: string): string {
    const name = `${store}\0${part}`
    const now = performance.now()
    const turn = this.#turns.get(name)
    const count = turn === undefined || now - turn.at > QUIET_MS ? 0 : turn.count + 1
    this.#turns.set(name, { count, at: now })
    return `${name}\0${count}`
  }

  /** What several processes may notice is sent by the first. They give it the same id if they notice it within the same ten seconds. */
  #sendOnce(isFirst: (id: string) => Promise<boolean>, type: WebhookType, about: string, data: object): void {
    if (!this.#types.has(type)) return
    const id = createHash('sha256').update(`${type}\0${about}\0${slotNow()}`).digest('hex').slice(0, 32)
    if (this.#said.has(id)) return
    if (this.#said.size >= MOST_SAID) this.#said.clear()
    this.#said.add(id)
    isFirst(`${type}\0${about}`).then(
      (isOurs) => {
        if (isOurs) this.#send(type, id, data)
      },
      // A store that cannot even say that is not a reason to say nothing.
      () => this.#send(type, id, data),
    )
  }

  #send(type: WebhookType, id: string, data: object): void {
    if (!this.#types.has(type)) return
    const body = JSON.stringify({ type, timestamp: new Date().toISOString(), data })
    this.#delivery.add({ id: `msg_${id}`, body, attempts: 0 })
  }
}

function slotNow(): number {
  return Math.floor(Date.now() / 10_000)
}

/** @throws {ConfigError} unless it is an address of the web; what may be secret in it is not repeated. */
function checkUrl(url: unknown): string {
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new ConfigError("webhook(): expected an address such as 'https://example.com/hooks', got something else.")
  }
  // fetch sends none, and names the whole address when it refuses it.
  if (parsed.username !== '' || parsed.password !== '') {
    throw new ConfigError(
      'webhook(): an address with a password in it cannot be sent to. Receivers check the signature.',
    )
  }
  return parsed.href
}
