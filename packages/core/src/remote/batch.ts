import { soon } from '../runtime/soon.js'

/**
 * A script holds the server while it runs, some 3 µs per entry. Larger batches gain little more, and leave the server idle
 * while this process reads an answer, and this process while the server works (bench/README.md).
 */
const MOST_ENTRIES = 32

/** '#' to '~': as many different commands as one character can tell apart. */
const MOST_COMMANDS = 92
const FIRST_COMMAND = 35

/** What was asked for in one turn of the event loop and can travel in one call. */
export interface Batch<Entry> {
  readonly entries: Entry[]
  readonly names: string[]
  /** One character per entry: which command it runs. */
  order: string
  /** What entries have beside their commands, in their order: the numbers of leases. */
  readonly numbers: number[]
  readonly commands: string[]
}

/**
 * Gathers entries by slot and hands each batch on when it is full, or once what has arrived has been read. While no batch
 * is under way there is nothing to wait for: then it is handed on as soon as the present job is done.
 */
export class Batches<Entry> {
  readonly #bySlot = new Map<number, Batch<Entry>>()
  readonly #send: (batch: Batch<Entry>) => Promise<void>
  #waiting = false
  #underWay = 0

  /** `send` settles when the batch has been answered; it does not reject. */
  constructor(send: (batch: Batch<Entry>) => Promise<void>) {
    this.#send = send
  }

  add(slot: number, command: string, names: readonly string[], numbers: readonly number[], entry: Entry): void {
    let batch = this.#bySlot.get(slot)
    if (batch === undefined) {
      batch = { entries: [], names: [], order: '', numbers: [], commands: [] }
      this.#bySlot.set(slot, batch)
      if (!this.#waiting) {
        this.#waiting = true
        if (this.#underWay === 0) queueMicrotask(() => this.flush())
        else soon(() => this.flush())
      }
    }
    let number = batch.commands.lastIndexOf(command)
    if (number < 0) number = batch.commands.push(command) - 1
    batch.order += String.fromCharCode(FIRST_COMMAND + number)
    batch.entries.push(entry)
    for (const name of names) batch.names.push(name)
    for (const number of numbers) batch.numbers.push(number)
    if (batch.entries.length === MOST_ENTRIES || batch.commands.length === MOST_COMMANDS) {
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

  #hand(batch: Batch<Entry>): void {
    this.#underWay += 1
    this.#send(batch).then(() => {
      this.#underWay -= 1
    })
  }
}
