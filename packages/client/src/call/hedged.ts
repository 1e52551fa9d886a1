import type { Call } from './call.js'
import type { Work } from './work.js'

/**
 * Begins a call, and a second one if the first takes longer than so many milliseconds; resolves with the first success, and ends the
 * other. Where both fail, it is as the first failed (Dean and Barroso, "The tail at scale").
 * @param mayHedge whether there is room for one more request.
 */
export function hedged<T>(
  begin: (isHedge: boolean) => Call<T>,
  afterMs: number,
  mayHedge: () => boolean,
  work: Work<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const calls: Call<T>[] = []
    const failures: Failure[] = []
    let isOver = false

    const end = (winner: Call<T> | undefined): void => {
      isOver = true
      clearTimeout(timer)
      for (const call of calls) if (call !== winner) call.cancel(OVERTAKEN)
    }
    const failed = (failure: Failure): void => {
      if (isOver) {
        failure.drop?.()
        return
      }
      failures.push(failure)
      if (failures.length < calls.length) return
      end(undefined)
      const [first, second] = failures
      first?.settle()
      second?.drop?.()
    }
    const start = (): void => {
      const call = begin(calls.length > 0)
      calls.push(call)
      call.run().then(
        (result) => {
          const drop = (): void => work.discard(result)
          if (isOver) drop()
          else if (call.hasFailed) failed({ settle: () => resolve(result), drop })
          else {
            end(call)
            resolve(result)
          }
        },
        (error) => failed({ settle: () => reject(error) }),
      )
    }
    const timer = setTimeout(() => {
      if (mayHedge()) start()
    }, afterMs)
    start()
  })
}

/** How a call failed; a response that nobody takes is dropped. */
interface Failure {
  readonly settle: () => void
  readonly drop?: () => void
}

const OVERTAKEN = new Error('Another attempt at the same request was answered first.')
