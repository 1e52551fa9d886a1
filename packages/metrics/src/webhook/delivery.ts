import { isError, LONGEST_TIMER_MS, warn } from '@sluice/core/runtime'
import type { Signer } from './signature.js'

/** A message on its way. */
export interface Message {
  readonly id: string
  readonly body: string
  /** How often it was sent. */
  attempts: number
}

/** What became of a message: `'delivered'`, `'failed'` for good, or `'dropped'` since too many were waiting. */
export type DeliveryResult = 'delivered' | 'failed' | 'dropped'

export interface DeliveryTerms {
  readonly url: string
  readonly sign: Signer
  readonly timeoutMs: number
  /** Waits between attempts; as many as there are, a message is sent again. */
  readonly retryMs: readonly number[]
}

/** Messages that wait, or wait to be sent again, at the most; and those that are sent at the same time. */
const MOST_WAITING = 1_000
const AT_ONCE = 4

/** Waits are made a fifth longer at random, so that many senders do not come at the same time. */
const JITTER = 0.2

const LONGEST_RETRY_AFTER_MS = 3_600_000

/** Sends messages to one receiver, until it has them or it makes no sense to try again. */
export class Delivery {
  readonly #terms: DeliveryTerms
  readonly #onResult: (result: DeliveryResult) => void
  readonly #waiting: Message[] = []
  readonly #retries = new Map<Message, ReturnType<typeof setTimeout>>()
  readonly #underWay = new Set<Promise<void>>()
  #isClosed = false
  #isWarned = false

  constructor(terms: DeliveryTerms, onResult: (result: DeliveryResult) => void) {
    this.#terms = terms
    this.#onResult = onResult
  }

  add(message: Message): void {
    if (this.#isClosed || this.#waiting.length + this.#retries.size >= MOST_WAITING) {
      this.#end('dropped', '1,000 are waiting already')
      return
    }
    this.#waiting.push(message)
    this.#sendNext()
  }

  /** Sends once more what waits to be sent again, and waits for what is under way; nothing is sent again then. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const [message, timer] of this.#retries) {
      clearTimeout(timer)
      this.#waiting.push(message)
    }
    this.#retries.clear()
    this.#sendNext()
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #sendNext(): void {
    while (this.#underWay.size < AT_ONCE) {
      const message = this.#waiting.shift()
      if (message === undefined) return
      const sending = this.#send(message).finally(() => {
        this.#underWay.delete(sending)
        this.#sendNext()
      })
      this.#underWay.add(sending)
    }
  }

  async #send(message: Message): Promise<void> {
    const { url, sign, timeoutMs } = this.#terms
    const seconds = Math.floor(Date.now() / 1_000)
    message.attempts += 1
    try {
      const response = await fetch(url, {
        method: 'POST',
        body: message.body,
        headers: {
          'content-type': 'application/json',
          'webhook-id': message.id,
          'webhook-timestamp': String(seconds),
          'webhook-signature': sign(message.id, seconds, message.body),
        },
        // Where it leads is not what was configured.
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      })
      await response.body?.cancel()
      if (response.ok) this.#end('delivered')
      // Gone: the receiver wants nothing more, as Standard Webhooks has it.
      else if (response.status === 410) this.#end('failed', 'it is gone (410)')
      else this.#again(message, `it answered ${response.status}`, retryAfterMs(response))
    } catch (error) {
      this.#again(
        message,
        isError(error) && error.name === 'TimeoutError' ? 'it did not answer in time' : causeOf(error),
      )
    }
  }

  #again(message: Message, why: string, atLeastMs: number = 0): void {
    const waitMs = this.#terms.retryMs[message.attempts - 1]
    if (waitMs === undefined || this.#isClosed) {
      this.#end('failed', why)
      return
    }
    const timer = setTimeout(
      () => {
        this.#retries.delete(message)
        this.#waiting.push(message)
        this.#sendNext()
      },
      Math.min(LONGEST_TIMER_MS, Math.max(atLeastMs, waitMs * (1 + JITTER * Math.random()))),
    )
    timer.unref()
    this.#retries.set(message, timer)
  }

  /** The process is warned of the first that is lost, without what may be secret in the address. */
  #end(result: DeliveryResult, why = ''): void {
    this.#onResult(result)
    if (result === 'delivered') this.#isWarned = false
    else if (!this.#isWarned) {
      this.#isWarned = true
      const what = result === 'failed' ? 'could not be delivered' : 'was dropped'
      warn('SLUICE_WEBHOOK', `A message to ${new URL(this.#terms.url).origin} ${what}: ${why}.`)
    }
  }
}

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? '')
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1_000, LONGEST_RETRY_AFTER_MS) : 0
}

/** Why a connection failed. What fetch says itself may have the address in it, and so what is secret there. */
function causeOf(error: unknown): string {
  const cause = isError(error) ? error.cause : undefined
  const code = isError(cause) && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? `it cannot be reached (${code})` : 'it cannot be reached'
}
