import type { Decision, Unit } from '@sluice/core'
import { isThenable } from '@sluice/core/runtime'
import { type Charge, type Estimate, unitsOf } from './call.js'

/** What is taken in addition at once, while a stream runs over what was reserved: a quarter of that, and at least as much. */
const LEAST_STEP: Readonly<Partial<Record<Unit, number>>> = {
  tokens: 256,
  'output-tokens': 256,
  'micro-dollars': 1_000,
  'inference-ms': 2_000,
}

/** Where no tokens are limited: more than any model writes at once. */
const MOST_OUTPUT = 1_000_000

/** The reservations of one call: what its limit has taken for it, and what is taken in addition while it runs. */
export class Charging {
  readonly #decision: Decision
  readonly #more = new Map<Unit, Decision[]>()
  /** Units of the model's that the limit counts. */
  readonly #units: readonly Unit[]
  readonly #asking = new Set<Unit>()
  /** What is taken from then on is given back. */
  #isSettled = false
  /** Of which there was no more: asked for once more when all of it is used. */
  readonly #exhausted = new Set<Unit>()
  /** What nothing limits here: an override lifts the limit, or it only shadows. */
  readonly #free = new Set<Unit>()

  constructor(decision: Decision) {
    this.#decision = decision
    const units = new Set(decision.asks.filter(({ lease }) => lease === undefined).map(({ policy }) => policy.unit))
    this.#units = [...units].filter((unit) => unit !== 'requests' && unit !== 'content-bytes')
  }

  /**
   * Takes more where a call is about to use more than was taken for it, before it does. Calls back where all is used up and there is
   * no more.
   */
  keepAhead(running: Estimate, onOver: () => void): void {
    for (const unit of this.#units) {
      if (this.#isSettled) return
      const used = unitsOf(unit, running) ?? 0
      const reserved = this.#reserved(unit)
      const step = Math.max(LEAST_STEP[unit] ?? 1, Math.ceil(reserved / 4))
      const isUsedUp = used >= reserved
      if (used + step / 2 < reserved || this.#asking.has(unit) || this.#free.has(unit)) continue
      if (this.#exhausted.has(unit) && !isUsedUp) continue
      this.#take(unit, step, isUsedUp ? onOver : () => this.#exhausted.add(unit))
    }
  }

  /** Takes so many units more, or where there are fewer left all of them. Calls back where there are none. */
  #take(unit: Unit, units: number, onNone: () => void): void {
    const noted = (more: Decision): void => {
      this.#asking.delete(unit)
      const left = leftOf(more)
      if (more.asks.length === 0) this.#free.add(unit)
      else if (this.#isSettled) rejectionHandled(more.cancel())
      else if (more.allowed) this.#more.set(unit, [...(this.#more.get(unit) ?? []), more])
      else if (left > 0 && left < units) this.#take(unit, left, onNone)
      else onNone()
    }
    this.#asking.add(unit)
    const more = this.#decision.extend(units, unit)
    if (!isThenable(more)) noted(more)
    // A store that cannot answer has said so to whoever listens; the stream runs on, as it would have been let in.
    else more.then(noted, () => this.#asking.delete(unit))
  }

  /**
   * Sets what was really used, all units in one step. What was reserved last is given back first. Whether anything had not been settled
   * before.
   */
  settle(charge: Estimate | Charge): boolean {
    this.#isSettled = true
    if (this.#units.length === 0) return true
    const units: Partial<Record<Unit, number>> = {}
    for (const unit of this.#units) units[unit] = this.#settleMore(unit, unitsOf(unit, charge) ?? 0)
    return rejectionHandled(this.#decision.settle(units)) !== false
  }

  /** Settles what was taken in addition of one unit; what is left of the true cost is the first decision's. */
  #settleMore(unit: Unit, used: number): number {
    const parts = this.#more.get(unit)
    if (parts === undefined) return used
    const first = this.#firstReserved(unit)
    let left = Math.max(0, used - first)
    for (const part of parts) {
      const units = Math.min(left, part.cost)
      rejectionHandled(part.settle(units, unit))
      left -= units
    }
    // The first is settled with all that is above what was reserved in all.
    return Math.min(used, first) + left
  }

  /** Output tokens that were taken for a call with so many of input: what the tightest limit has room for. */
  reservedOutput(inputTokens: number): number {
    const tokens = this.#units.includes('tokens') ? Math.max(0, this.#firstReserved('tokens') - inputTokens) : undefined
    const output = this.#units.includes('output-tokens') ? this.#firstReserved('output-tokens') : undefined
    return Math.min(tokens ?? MOST_OUTPUT, output ?? MOST_OUTPUT)
  }

  #reserved(unit: Unit): number {
    return (this.#more.get(unit) ?? []).reduce((sum, { cost }) => sum + cost, this.#firstReserved(unit))
  }

  /** Where policies of a unit reserved differently, as at most what each can hold, the least. */
  #firstReserved(unit: Unit): number {
    const costs = this.#decision.asks.filter(({ policy }) => policy.unit === unit).map(({ cost }) => cost)
    return costs.length === 0 ? 0 : Math.min(...costs)
  }
}

/** What would pass of a denied decision. */
function leftOf({ standings }: Decision): number {
  return Math.min(...standings.filter(({ allowed }) => !allowed).map(({ remaining }) => remaining))
}

/** A store that cannot take it has said so to whoever listens. */
function rejectionHandled(answer: boolean | Promise<boolean>): boolean | Promise<boolean> {
  if (isThenable(answer)) answer.then(undefined, () => undefined)
  return answer
}
