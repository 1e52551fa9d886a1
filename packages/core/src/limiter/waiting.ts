import { type Ask, bucketKeyOf } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
import type { Standing } from '../decisions/standing.js'
import type { Failover } from '../failover/failover.js'
import type { Policy } from '../policies/policy.js'
import { LONGEST_TIMER_MS } from '../runtime/longest-timer.js'
import { onePer } from '../runtime/one-per.js'
import { isThenable } from '../runtime/thenable.js'
import { type Slots, slotsOf } from './slots.js'

/** What becomes of a denial while somebody waits: when to ask again, or that it makes no sense to wait. */
export interface Plan {
  /** Not before so many milliseconds; 0 where only slots are waited for, which may be released at any time. */
  readonly ms: number
}

/** Somebody who waits for a decision that allows. */
export interface Waiter {
  /** What it asks for. */
  readonly asks: readonly Ask[]
  /** Asks the store: each time anew. */
  ask(): Decision | Promise<Decision>
  /** What a denial means to it; `undefined` where it does not wait for that. */
  plan(denial: Decision): Plan | undefined
  /** The end: allowed, or a denial that is not waited for. */
  settle(decision: Decision): void
  fail(error: unknown): void
  /** Undoes a decision that came after the waiter had left. */
  undo(decision: Decision): void
  /** The end: the store is closed. */
  close(): void
}

/**
 * How often a store elsewhere is asked for slots that were released by other processes: 20 times a second, and each time
 * for as many buckets as one call serves.
 */
const POLL_MS = 50
const BUCKETS_PER_POLL = 32

/** So long, slots are handed from one to the next in a process before others have their turn. */
const HANDED_ON_MS = 1_000

/** Buckets remembered whose slots were released while somebody was asking. */
const MOST_RELEASED = 10_000

/** In this process, slots that nobody releases can only expire. */
const LOCAL_POLL_MS = 1_000

/** All who wait for the same store. */
export const waitingOf: (failover: Failover) => Waiting = onePer((failover) => new Waiting(failover, slotsOf(failover)))

/** Lines of those who wait for one store. In a line, only the first asks; the others come after it. */
export class Waiting {
  readonly #failover: Failover
  readonly #lines = new Map<string, Line>()
  /** Lines whose first waits for a slot, by its bucket. */
  readonly #bySlot = new Map<string, Set<Line>>()
  #poll: ReturnType<typeof setTimeout> | undefined
  /** Whether the store answers later: then other processes use it too. */
  #isRemote = false
  /** Lines whose first is asking; what is released meanwhile, its ask may have come too early for. */
  #asking = 0
  #releases = 0
  readonly #released = new Map<string, number>()
  readonly #waves: Wave[] = []
  /** Since when the slots of a bucket have been handed on within this process. */
  readonly #handedOn = new Map<string, number>()
  #closed = false

  constructor(failover: Failover, slots: Slots) {
    this.#failover = failover
    slots.onFreed((freed) => this.#wake(freed))
    failover.onClose(() => this.#close())
  }

  /** How many wait in a line. */
  sizeOf(line: string): number {
    return this.#lines.get(line)?.size ?? 0
  }

  /** How many wait, by the policy that they wait for: the first that has a queue, or the first of all. */
  byPolicy(): ReadonlyMap<Policy, number> {
    const waiting = new Map<Policy, number>()
    for (const line of this.#lines.values()) {
      const policy = line.first && waitsFor(line.first.waiter.asks)
      if (policy !== undefined) waiting.set(policy, (waiting.get(policy) ?? 0) + line.size)
    }
    return waiting
  }

  /** Joins a line at its end. Returns a function that leaves it. `denied` is what the waiter was answered before, if it was. */
  join(name: string, waiter: Waiter, denied: Decision | undefined): () => void {
    if (this.#closed) {
      waiter.close()
      return () => undefined
    }
    let line = this.#lines.get(name)
    if (line === undefined) {
      line = new Line(name)
      this.#lines.set(name, line)
    }
    const place = line.add(waiter)
    const first = line.first === place && !line.isAsking
    if (first && denied !== undefined) {
      if (!this.#answered(line, place, denied)) return this.#leaving(line, place)
    }
    if (first) this.#advance(line)
    return this.#leaving(line, place)
  }

  #leaving(line: Line, place: Place): () => void {
    return () => {
      if (place.left) return
      const wasFirst = line.first === place
      line.remove(place)
      // The next has not asked yet.
      if (wasFirst && !line.isAsking) this.#advance(line)
    }
  }

  /** Nobody waits for a store that is closed. */
  #close(): void {
    this.#closed = true
    clearTimeout(this.#poll)
    this.#poll = undefined
    const lines = [...this.#lines.values()]
    this.#lines.clear()
    for (const line of lines) {
      this.#unregister(line)
      for (const { waiter } of line.clear()) waiter.close()
    }
  }

  /** The first of a line asks, and then the one behind it, until one has to wait. */
  #advance(line: Line): void {
    if (line.isAsking) return
    this.#stopTimer(line)
    for (;;) {
      const place = line.first
      if (place === undefined) {
        this.#unregister(line)
        if (this.#lines.get(line.name) === line) this.#lines.delete(line.name)
        return
      }
      let answer: Decision | Promise<Decision>
      line.isAsking = true
      try {
        answer = place.waiter.ask()
      } catch (error) {
        line.isAsking = false
        line.remove(place)
        place.waiter.fail(error)
        continue
      }
      if (isThenable(answer)) {
        this.#isRemote = true
        this.#asking += 1
        line.askedAt = this.#releases
        Promise.resolve(answer).then(
          (decision) => {
            line.isAsking = false
            const isNext = this.#answered(line, place, decision)
            this.#noteAnswer()
            if (isNext) this.#advance(line)
          },
          (error) => {
            line.isAsking = false
            this.#noteAnswer()
            if (!place.left) {
              line.remove(place)
              place.waiter.fail(error)
            }
            this.#advance(line)
          },
        )
        return
      }
      line.isAsking = false
      if (!this.#answered(line, place, answer)) return
    }
  }

  /** Whether the next may ask. */
  #answered(line: Line, place: Place, decision: Decision): boolean {
    const { waiter } = place
    if (place.left) {
      waiter.undo(decision)
      line.wave = undefined
      return true
    }
    const plan = decision.allowed || this.#closed ? undefined : waiter.plan(decision)
    if (plan !== undefined) {
      if (plan.ms === 0 && this.#isReleased(line, decision)) return true
      this.#rest(line, plan, decision)
      this.#passOn(line, decision)
      return false
    }
    line.remove(place)
    waiter.settle(decision)
    if (decision.allowed && this.#restsBehind(line, decision)) return false
    this.#passOn(line, decision)
    return true
  }

  /** Lets the next wait without asking, where it needs a slot of a bucket that has none left now. */
  #restsBehind(line: Line, decision: Decision): boolean {
    const next = line.first
    if (next === undefined || this.#closed || this.#isReleased(line, decision)) return false
    const buckets = bucketsIn(decision, ({ remaining }, { policy, key }) => {
      return remaining === 0 && next.waiter.asks.some((ask) => ask.policy.address === policy.address && ask.key === key)
    })
    if (buckets.length === 0) return false
    this.#register(line, buckets)
    line.wave = undefined
    return true
  }

  /** Whether a slot of a bucket that had no more was released after it was asked. */
  #isReleased({ askedAt }: Line, { asks, standings }: Decision): boolean {
    if (this.#released.size === 0) return false
    return asks.some((ask, i) => {
      const isFull = ask.lease !== undefined && (standings[i]?.allowed === false || standings[i]?.remaining === 0)
      return isFull && (this.#released.get(bucketKeyOf(ask)) ?? 0) > askedAt
    })
  }

  #noteAnswer(): void {
    this.#asking -= 1
    if (this.#asking === 0) this.#released.clear()
  }

  /** Lets the line rest until its first may ask again. */
  #rest(line: Line, { ms }: Plan, denial: Decision): void {
    if (ms > 0) {
      this.#unregister(line)
      line.timer = setTimeout(
        () => {
          line.timer = undefined
          this.#advance(line)
        },
        Math.min(ms, LONGEST_TIMER_MS),
      )
    } else
      this.#register(
        line,
        bucketsIn(denial, ({ allowed }) => !allowed),
      )
  }

  /** A line stays where it is registered for as long as it waits for the same slots, whoever of it is the first. */
  #register(line: Line, buckets: readonly string[]): void {
    if (buckets.length !== line.buckets.length || buckets.some((bucket, i) => bucket !== line.buckets[i])) {
      this.#unregister(line)
      line.buckets = buckets
      for (const bucket of buckets) {
        const lines = this.#bySlot.get(bucket)
        if (lines === undefined) this.#bySlot.set(bucket, new Set([line]))
        else lines.add(line)
      }
    }
    this.#pollLater()
  }

  #unregister(line: Line): void {
    this.#stopTimer(line)
    for (const bucket of line.buckets) {
      const lines = this.#bySlot.get(bucket)
      lines?.delete(line)
      if (lines?.size === 0) this.#bySlot.delete(bucket)
    }
    line.buckets = NOWHERE
  }

  #stopTimer(line: Line): void {
    if (line.timer === undefined) return
    clearTimeout(line.timer)
    line.timer = undefined
  }

  /** A slot was released here: whoever has waited for it longest asks at once, behind the release. */
  #wake(freed: Ask): void {
    if (this.#bySlot.size === 0 && this.#asking === 0) return
    const bucket = bucketKeyOf(freed)
    if (this.#asking > 0) this.#noteRelease(bucket)
    if (!this.#isOthersTurn(bucket)) this.#wakeNext({ bucket, woken: new Set() })
  }

  /** The line whose first has waited longest for a bucket, of those that were not woken for this slot yet. */
  #wakeNext(wave: Wave): void {
    this.#waves.push(wave)
    if (this.#waves.length > 1) return
    // One after the other: the woken may pass it on to the next at once, and so on.
    for (let turn = this.#waves[0]; turn !== undefined; turn = this.#waves[0]) {
      try {
        this.#wakeOne(turn)
      } finally {
        this.#waves.shift()
      }
    }
  }

  #wakeOne(wave: Wave): void {
    let next: Line | undefined
    for (const line of this.#bySlot.get(wave.bucket) ?? []) {
      if (line.isAsking || wave.woken.has(line)) continue
      if (next === undefined || arrivalOf(line) < arrivalOf(next)) next = line
    }
    if (next === undefined) return
    wave.woken.add(next)
    next.wave = wave
    this.#advance(next)
  }

  /** A slot that a line was woken for, and did not take or not alone, is for the next. */
  #passOn(line: Line, decision: Decision): void {
    const { wave } = line
    if (wave === undefined) return
    line.wave = undefined
    const isFree = decision.asks.every((ask, i) => {
      return bucketKeyOf(ask) !== wave.bucket || (decision.standings[i]?.remaining ?? 0) > 0
    })
    if (isFree) this.#wakeNext(wave)
  }

  /**
   * Slots that are handed from one to the next in a process never become free for others, who can only ask now and then:
   * once a second they have the chance.
   */
  #isOthersTurn(bucket: string): boolean {
    if (!this.#isRemote || !this.#bySlot.has(bucket)) return false
    const now = performance.now()
    const since = this.#handedOn.get(bucket)
    if (since === undefined) {
      if (this.#handedOn.size >= MOST_RELEASED) this.#handedOn.clear()
      this.#handedOn.set(bucket, now)
    } else if (now - since > HANDED_ON_MS) {
      this.#handedOn.delete(bucket)
      return true
    }
    return false
  }

  #noteRelease(bucket: string): void {
    this.#releases += 1
    // Who misses one that is forgotten here asks at the next poll.
    if (this.#released.size >= MOST_RELEASED) this.#released.clear()
    this.#released.set(bucket, this.#releases)
  }

  #pollLater(): void {
    if (this.#poll !== undefined || this.#closed) return
    this.#poll = setTimeout(
      () => {
        this.#poll = undefined
        this.#ask()
        if (this.#bySlot.size > 0) this.#pollLater()
      },
      this.#isRemote ? POLL_MS : LOCAL_POLL_MS,
    )
  }

  /** For some of the buckets that lines wait for, each in its turn, the line that has waited longest. */
  #ask(): void {
    const turn: string[] = []
    let most = BUCKETS_PER_POLL
    // A copy: what is put last below would come again.
    for (const [bucket, lines] of [...this.#bySlot]) {
      const [any] = lines
      if (turn.length === 0 && any !== undefined && this.#isInParts(any)) most = 1
      turn.push(bucket)
      // Last in, so that the next turn begins behind it.
      this.#bySlot.delete(bucket)
      this.#bySlot.set(bucket, lines)
      if (turn.length >= most) break
    }
    for (const bucket of turn) this.#wakeNext({ bucket, woken: new Set() })
  }

  /** In a cluster, a call serves one slot. */
  #isInParts({ buckets }: Line): boolean {
    const [bucket = ''] = buckets
    return (this.#failover.store.partOf?.(bucket.slice(bucket.indexOf('\0') + 1)) ?? '') !== ''
  }
}

/** The policy that somebody with these asks waits for, as far as that can be named. */
export function waitsFor(asks: readonly Ask[]): Policy | undefined {
  return (asks.find(({ policy }) => policy.lease?.queue !== undefined) ?? asks[0])?.policy
}

let arrivals = 0

const NOWHERE: readonly string[] = []

/** Places kept of those who have left, before a line is cut. */
const SLACK = 1_024

/** A place in a line. */
interface Place {
  readonly waiter: Waiter
  /** Whoever came first has the smaller number. */
  readonly arrival: number
  left: boolean
}

/** The search for somebody who takes a slot that has become free. */
interface Wave {
  readonly bucket: string
  readonly woken: Set<Line>
}

function arrivalOf({ first }: Line): number {
  return first?.arrival ?? Number.POSITIVE_INFINITY
}

/** Those who wait for the same, in the order in which they came. */
class Line {
  readonly name: string
  /** Whether the first is asking the store at the moment. */
  isAsking = false
  /** The number of the last release when it asked. */
  askedAt = 0
  /** The slot that it was woken for. */
  wave: Wave | undefined
  timer: ReturnType<typeof setTimeout> | undefined
  buckets: readonly string[] = NOWHERE
  #places: Place[] = []
  #begin = 0
  size = 0

  constructor(name: string) {
    this.name = name
  }

  get first(): Place | undefined {
    while (this.#places[this.#begin]?.left) this.#begin += 1
    return this.#places[this.#begin]
  }

  add(waiter: Waiter): Place {
    arrivals += 1
    const place = { waiter, arrival: arrivals, left: false }
    this.#places.push(place)
    this.size += 1
    return place
  }

  remove(place: Place): void {
    if (place.left) return
    place.left = true
    this.size -= 1
    // Behind somebody who waits for long, many may come and leave.
    if (this.#places.length > 2 * (this.size + SLACK)) this.#cut()
  }

  /** Removes all. */
  clear(): readonly Place[] {
    const places = this.#places.filter(({ left }) => !left)
    for (const place of places) this.remove(place)
    return places
  }

  #cut(): void {
    this.#places = this.#places.filter(({ left }) => !left)
    this.#begin = 0
  }
}

/** The buckets of slots whose standing is such. */
function bucketsIn(
  { asks, standings }: Decision,
  isSuch: (standing: Standing, ask: Ask) => boolean,
): readonly string[] {
  const buckets: string[] = []
  for (let i = 0; i < asks.length; i++) {
    const [ask, standing] = [asks[i], standings[i]]
    if (ask?.lease !== undefined && standing !== undefined && isSuch(standing, ask)) buckets.push(bucketKeyOf(ask))
  }
  return buckets
}
