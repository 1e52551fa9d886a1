import { setTimeout as sleep } from 'node:timers/promises'
import { type Finding, failed, passed } from './report.js'
import { type Stage, scene, until } from './scene.js'

const WATCHED_MS = 4_000
/** A call that is aborted ends well before the time that it would have waited. */
const ENDS_WITHIN_MS = 500

/** Aborts a call while it waits for `Retry-After`. */
export function stopsOnAbort(stage: Stage): Promise<Finding> {
  return scene(stage, { faults: { status: 429, retryAfter: 2 } }, async (mock, makeCall) => {
    const call = makeCall()
    await until(() => mock.requests[0]?.endedAt !== undefined || call.isSettled, WATCHED_MS)
    await sleep(200)
    if (call.isSettled) return passed('It had given up before it was aborted.')
    const sent = mock.requests.length
    call.abort()
    await call.settled(ENDS_WITHIN_MS)
    if (!call.isSettled) return failed(`The call had not ended ${ENDS_WITHIN_MS} ms after it was aborted.`)
    await sleep(2_500 - ENDS_WITHIN_MS)
    const more = mock.requests.length - sent
    if (more === 0) return passed('The call ended when it was aborted.')
    return failed(`It sent ${more} ${more === 1 ? 'request' : 'requests'} after it was aborted.`)
  })
}

/** What is wrong with a request is wrong with the next one, too. */
export function acceptsBadRequest(stage: Stage): Promise<Finding> {
  return scene(stage, { faults: { status: 400 } }, async (mock, call) => {
    await call().settled(WATCHED_MS)
    const count = mock.requests.length
    return count === 1
      ? passed('It sent one request.')
      : failed(`It sent ${count} requests, all of which were answered with 400.`)
  })
}
