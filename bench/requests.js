import { closeAll, contenders, started } from './http.js'
import { inTurns, median } from './measure.js'

const ROUNDS = 15
const REQUESTS = { express: 10_000, koa: 60_000, fastify: 60_000 }

/**
 * Processor time of whole requests, from the server's 'request' event to the end of the response, without sockets: each
 * contender in a process of its own, all in turn. What 'two fields' spends is what any limiter has to.
 */
export async function requests() {
  const rows = []
  for (const [framework, limiters] of Object.entries(contenders)) {
    const running = await started(framework, limiters)
    const run = ({ ask }) => ask({ requests: REQUESTS[framework] })
    await inTurns(running, 3, run)
    const seen = await inTurns(running, ROUNDS, run)
    const beside = (limiter, other) =>
      Number(median(seen[limiter].map((micros, round) => micros / seen[other][round])).toFixed(3))
    for (const limiter of limiters) {
      rows.push({
        framework,
        limiter,
        'CPU µs a request': Number(median(seen[limiter]).toFixed(2)),
        'of bare': beside(limiter, 'bare'),
        'of two fields': beside(limiter, 'two fields'),
      })
    }
    closeAll(running)
  }
  return rows
}
