import { soon } from '../soon.js'

/**
 * A script holds the server while it runs, some 3 µs a visit. Larger batches gain little more, and leave the server idle
 * while this process reads an answer, and this process while the server works (bench/README.md).
 */
const MOST_VISITS = 32

/** '#' to '~': as many different questions as one character can tell apart. */
const MOST_QUESTIONS = 92
const FIRST_QUESTION = 35

/** What was asked for in one turn of the event loop and can travel in one call. */
export interface Batch<Visit> {
  readonly visits: Visit[]
  readonly names: string[]
  /** A character a visit: which question it asks. */
  order: string
  readonly questions: string[]
}

/**
 * Gathers visits by slot and hands each batch on when it is full, or once what has arrived has been read. While no batch
 * is under way there is nothing to wait for: then it is handed on as soon as the present job is done.
 */
export class Batches<Visit> {
  readonly #bySlot = new Map<number, Batch<Visit>>()
  readonly #send: (batch: Batch<Visit>) => Promise<void>
  #waiting = false
  #underWay = 0

  /** `send` settles when the batch has been answered; it does not reject. */
  constructor(send: (batch: Batch<Visit>) => Promise<void>) {
    this.#send = send
  }

  add(slot: number, question: string, names: readonly string[], visit: Visit): void {
    let batch = this.#bySlot.get(slot)
    if (batch === undefined) {
      batch = { visits: [], names: [], order: '', questions: [] }
      this.#bySlot.set(slot, batch)
      if (!this.#waiting) {
        this.#waiting = true
        if (this.#underWay === 0) queueMicrotask(() => this.flush())
        else soon(() => this.flush())
      }
    }
    let number = batch.questions.lastIndexOf(question)
    if (number < 0) number = batch.questions.push(question) - 1
    batch.order += String.fromCharCode(FIRST_QUESTION + number)
    batch.visits.push(visit)
    for (const name of names) batch.names.push(name)
    if (batch.visits.length === MOST_VISITS || batch.questions.length === MOST_QUESTIONS) {
      this.#bySlot.delete(slot)
      this.#hand(batch)
    }
  }

  /** Sends all that is waiting. */
  flush(): void {
    this.#waiting = false
    const batches = [...this.#bySlot.values()]
    this.#bySlot.clear()
    for (const batch of batches) this.#hand(batch)
  }

  #hand(batch: Batch<Visit>): void {
    this.#underWay += 1
    this.#send(batch).then(() => {
      this.#underWay -= 1
    })
  }
}
