import type { GivenBack, Return } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
import type { Once } from '../decisions/edit.js'
import { isStoreError } from '../errors.js'
import type { Failover } from '../failover/failover.js'
import type { Failure } from '../failover/failure.js'
import { isThenable } from '../runtime/thenable.js'
import { type Costs, costOf } from './costs.js'
import { slotsOf } from './slots.js'

/** What has been given back of a decision so far, by ask. */
interface Receipt {
  readonly given: number[]
  /** A refund that the store has not answered yet: the next one waits for it, so that nothing is given back twice. */
  underWay: Promise<void> | undefined
}

const receipts = new WeakMap<Decision, Receipt>()

/** Is told what has been given back of a decision: by ask the units, and how many of them were over a quota. */
export type OnGivenBack = (units: readonly number[], over: readonly number[]) => void

/** What a decision counted once, which may be counted again when all of it has been given back. */
const counted = new WeakMap<Decision, Once>()

export function noteOnce(decision: Decision, once: Once): Decision {
  if (decision.taken) counted.set(decision, once)
  return decision
}

/**
 * Gives back what a decision took, slots included, or the units that `costs` names; to no policy more than it took from it.
 * A refund that the store did not carry out can be tried again.
 * @throws {StoreError} when the store does not give them back in time; also as a rejection.
 */
export function refund(
  failover: Failover,
  decision: Decision,
  failure: Failure,
  costs: Costs | undefined,
  given?: OnGivenBack,
): void | Promise<void> {
  const receipt = receipts.get(decision) ?? { given: decision.asks.map(() => 0), underWay: undefined }
  receipts.set(decision, receipt)
  const start = (): void | Promise<void> => {
    // Who waits for a slot asks as soon as it is released: the units are back by then.
    const returned = giveBack(failover, decision, failure, costs, receipt, given)
    const released = costs === undefined ? slotsOf(failover).release(decision, 'left') : undefined
    return released === undefined ? returned : Promise.all([released, returned]).then(() => undefined)
  }
  return failover.inTime(receipt.underWay === undefined ? start() : receipt.underWay.then(start), failure.timeoutMs)
}

function giveBack(
  failover: Failover,
  decision: Decision,
  failure: Failure,
  costs: Costs | undefined,
  receipt: Receipt,
  given: OnGivenBack | undefined,
): void | Promise<void> {
  const shares = decision.asks.map((ask, i) => {
    if (!took(decision, i)) return 0
    if (ask.lease !== undefined) return 0
    const left = ask.cost - (receipt.given[i] ?? 0)
    return costs === undefined ? left : Math.min(left, costOf(costs, ask.policy, 0))
  })
  const returned = decision.asks.flatMap((ask, i): [number, Return][] => {
    const [cost = 0, at] = [shares[i], decision.standings[i]?.at]
    return cost === 0 || at === undefined ? [] : [[i, { ...ask, cost, at }]]
  })
  const done = (over: GivenBack): void => {
    const byAsk = decision.asks.map((_, i) => over?.[returned.findIndex(([ask]) => ask === i)] ?? 0)
    if (shares.some((share) => share > 0)) given?.(shares, byAsk)
  }
  note(receipt, shares, 1)
  if (returned.length === 0) return done(undefined)
  try {
    const isAll = decision.asks.every(
      ({ cost, lease }, i) => !took(decision, i) || lease !== undefined || receipt.given[i] === cost,
    )
    const returns = returned.map(([, back]) => back)
    const answer = failover.refund(returns, decision, failure, isAll ? counted.get(decision) : undefined)
    if (!isThenable(answer)) return done(answer)
    const settled = Promise.resolve(answer).then(done, (error) => {
      if (!isUncertain(error)) note(receipt, shares, -1)
      throw error
    })
    const quiet = settled.catch(() => undefined)
    receipt.underWay = quiet
    quiet.then(() => {
      if (receipt.underWay === quiet) receipt.underWay = undefined
    })
    return settled
  } catch (error) {
    note(receipt, shares, -1)
    throw error
  }
}

/** Whether it took what was asked for there; where nobody could decide and all passes, everything was taken of nobody. */
export function took({ taken, standings, degraded }: Decision, ask: number): boolean {
  return taken && (standings[ask]?.allowed === true || (degraded && standings.length === 0))
}

function note({ given }: Receipt, shares: readonly number[], sign: 1 | -1): void {
  for (const [i, share] of shares.entries()) given[i] = (given[i] ?? 0) + sign * share
}

/** Whether the units may have been given back all the same: then they are not given back again. */
function isUncertain(error: unknown): boolean {
  return isStoreError(error) && error.uncertain
}
