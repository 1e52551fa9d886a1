import { soon } from '../runtime/soon.js'

/** Something that has to happen in time. */
export interface Deadline {
  readonly at: number
  readonly expire: () => void
  met: boolean
}

/** Met deadlines kept at the front of the queue at the most, before it is cut. */
const SLACK = 1_024

/** All wait equally long, so they expire in the order in which they came, and one timer serves them all. */
export class Deadlines {
  readonly #ms: number
  #queue: Deadline[] = []
  #first = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ms: number) {
    this.#ms = ms
  }

  add(expire: () => void): Deadline {
    const deadline = { at: performance.now() + this.#ms, met: false, expire }
    this.#queue.push(deadline)
    if (this.#timer === undefined) this.#wakeAfter(this.#ms)
    return deadline
  }

  /** Answers come mostly in order, so that what is met is let go of at once: young, where it costs least. */
  meet(deadline: Deadline): void {
    deadline.met = true
    while (this.#queue[this.#first]?.met) this.#first += 1
    if (this.#first === this.#queue.length || this.#first >= SLACK) this.#cut()
  }

  /** Nothing more will come. What is still waited for keeps its deadline. */
  close(): void {
    if (this.#first < this.#queue.length) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #cut(): void {
    this.#queue = this.#queue.slice(this.#first)
    this.#first = 0
  }

  /** A loop that was held up first reads what has arrived in the meantime: its own delay is not the store's. */
  #wakeAfter(ms: number): void {
    const timer = setTimeout(() => soon(() => this.#expire()), Math.max(1, Math.ceil(ms)))
    if (typeof timer === 'object') timer.unref()
    this.#timer = timer
  }

  #expire(): void {
    this.#timer = undefined
    const now = performance.now()
    let next = this.#queue[this.#first]
    while (next !== undefined && next.at <= now) {
      if (next.met) this.#first += 1
      else {
        this.meet(next)
        next.expire()
      }
      next = this.#queue[this.#first]
    }
    if (next !== undefined) this.#wakeAfter(next.at - now)
  }
}
