import { setTimeout as sleep } from 'node:timers/promises'
import { EARLY_MS } from '../violations/violation.js'
import { type Finding, failed, passed } from './report.js'
import { type Stage, scene, until } from './scene.js'

const WATCHED_MS = 8_000
/** Longer than a response takes to be read. */
const READ_MS = 200

/** Calls one after the other, more than the quota has: none is denied, if the client reads what remains. */
export function waitsForQuota(stage: Stage): Promise<Finding> {
  return scene(stage, { limits: '3/2s' }, async (mock, call) => {
    const end = performance.now() + WATCHED_MS
    for (let calls = 0; calls < 5; calls++) {
      await call().settled(Math.max(0, end - performance.now()))
      // The response has to be read before the next call.
      await sleep(READ_MS / 2)
    }
    if (!stage.reportsRemaining) return passed('This API does not say what remains.')
    const ignored = mock.violations.filter(({ kind }) => kind === 'ignored-quota').length
    if (ignored === 0) return passed('It sent no request after a response had said that nothing remains.')
    return failed(
      `It sent ${ignored === 1 ? '1 request' : `${ignored} requests`} after a response had said that nothing remains.`,
    )
  })
}

/** After a 429, another call waits as well. */
export function holdsOtherCalls(stage: Stage): Promise<Finding> {
  return scene(stage, { faults: { to: 1, status: 429, retryAfter: 2 } }, async (mock, call) => {
    const one = call()
    await until(() => mock.requests[0]?.endedAt !== undefined || one.isSettled, WATCHED_MS)
    await sleep(READ_MS)
    const other = call()
    await Promise.all([one.settled(WATCHED_MS / 2), other.settled(WATCHED_MS / 2)])
    const [denied, next] = mock.requests
    if (next === undefined) return passed('The second call was not sent.')
    const [afterMs, askedMs] = [next.at - (denied?.endedAt ?? 0), denied?.waitMs ?? 0]
    const what = `The next request came ${afterMs} ms after a 429 that asked to wait ${askedMs} ms.`
    return afterMs >= askedMs - EARLY_MS ? passed(what) : failed(what)
  })
}

/** Twenty calls at once under a limit of five a second. */
export function spreadsCalls(stage: Stage): Promise<Finding> {
  return scene(stage, { limits: '5/s' }, async (mock, call) => {
    const calls = Array.from({ length: 20 }, call)
    await Promise.all(calls.map((one) => one.settled(WATCHED_MS)))
    const [herd] = mock.violations.filter(({ kind }) => kind === 'herd')
    if (herd !== undefined) return failed(herd.message)
    return passed(`20 calls at once became ${mock.requests.length} requests, and no herd.`)
  })
}
