import type { Return } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
import { isStoreError } from '../errors.js'
import type { Failover } from '../failover/failover.js'
import type { Failure } from '../failover/failure.js'
import { type Costs, costOf } from './costs.js'

/** What has been given back of a decision so far, by ask. */
interface Receipt {
  readonly given: number[]
  /** A refund that the store has not answered yet: the next one waits for it, so that nothing is given back twice. */
  underWay: Promise<void> | undefined
}

const receipts = new WeakMap<Decision, Receipt>()

/** Is told what has been given back of a decision, by ask. */
export type GivenBack = (units: readonly number[]) => void

/**
 * Gives back what a decision took, or the units that `costs` names; to no policy more than it took from it.
 * A refund that the store did not carry out can be tried again.
 * @throws {StoreError} when the store does not give them back in time; also as a rejection.
 */
export function refund(
  failover: Failover,
  decision: Decision,
  failure: Failure,
  costs: Costs | undefined,
  given?: GivenBack,
): void | Promise<void> {
  const receipt = receipts.get(decision) ?? { given: decision.asks.map(() => 0), underWay: undefined }
  receipts.set(decision, receipt)
  const start = (): void | Promise<void> => giveBack(failover, decision, failure, costs, receipt, given)
  return failover.inTime(receipt.underWay === undefined ? start() : receipt.underWay.then(start), failure.timeoutMs)
}

function giveBack(
  failover: Failover,
  decision: Decision,
  failure: Failure,
  costs: Costs | undefined,
  receipt: Receipt,
  given: GivenBack | undefined,
): void | Promise<void> {
  const shares = decision.asks.map((ask, i) => {
    if (!decision.taken || decision.standings[i]?.allowed !== true) return 0
    const left = ask.cost - (receipt.given[i] ?? 0)
    return costs === undefined ? left : Math.min(left, costOf(costs, ask.policy, 0))
  })
  const returns: Return[] = decision.asks.flatMap((ask, i) => {
    const cost = shares[i] ?? 0
    return cost === 0 ? [] : [{ ...ask, cost, at: decision.standings[i]?.at ?? 0 }]
  })
  if (returns.length === 0) return
  note(receipt, shares, 1)
  try {
    const answer = failover.refund(returns, decision, failure)
    if (answer === undefined) {
      given?.(shares)
      return
    }
    const settled = Promise.resolve(answer).then(
      () => given?.(shares),
      (error) => {
        if (!isUncertain(error)) note(receipt, shares, -1)
        throw error
      },
    )
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

function note({ given }: Receipt, shares: readonly number[], sign: 1 | -1): void {
  for (const [i, share] of shares.entries()) given[i] = (given[i] ?? 0) + sign * share
}

/** Whether the units may have been given back all the same: then they are not given back again. */
function isUncertain(error: unknown): boolean {
  return isStoreError(error) && error.uncertain
}
