import type { Fault } from '../mock/faults.js'
import { EARLY_MS } from '../violations/violation.js'
import { type Finding, failed, passed } from './report.js'
import { type Stage, scene } from './scene.js'

/** A client that is still waiting by then will not come back early. */
const WATCHED_MS = 6_000
/** `Date` has whole seconds, and so a clock is known no better. */
const DATE_MS = 1_000

export function waitsForSeconds(stage: Stage): Promise<Finding> {
  return waits(stage, { to: 1, status: 429, retryAfter: 2 }, EARLY_MS)
}

export function waitsForDate(stage: Stage): Promise<Finding> {
  return waits(stage, { to: 1, status: 429, retryAfter: 2, retryAfterForm: 'date' }, EARLY_MS)
}

/** The date is in the past by this machine's clock, and in the future by the server's. */
export function readsServerClock(stage: Stage): Promise<Finding> {
  const denial: Fault = { to: 1, status: 429, retryAfter: 3, retryAfterForm: 'date' }
  return waits(stage, [denial, { clockSkewMs: -120_000 }], DATE_MS)
}

function waits(stage: Stage, faults: Fault | readonly Fault[], toleranceMs: number): Promise<Finding> {
  return scene(stage, { faults }, async (mock, call) => {
    await call().settled(WATCHED_MS)
    const [first, second] = mock.requests
    const askedMs = Math.ceil(first?.waitMs ?? 0)
    if (second === undefined) return passed('It did not come back.')
    const afterMs = second.at - (first?.endedAt ?? 0)
    const what = `It came back ${afterMs} ms after a 429 that asked to wait ${askedMs} ms.`
    return afterMs >= askedMs - toleranceMs ? passed(what) : failed(what)
  })
}
