import { once } from 'node:events'
import { createServer } from 'node:http'

/**
 * Serves an app until it is told to stop: then nothing new is accepted, streams may end within `drainMs`, and the slots that they hold are
 * released as each of them ends.
 */
export async function serve(gateway, port = 0) {
  const server = createServer(gateway.app)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  let closing
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close(drainMs = 30_000) {
      closing ??= drained(server, drainMs).then(() => gateway.close())
      return closing
    },
  }
}

async function drained(server, drainMs) {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  // Connections become idle as their streams end.
  const idle = setInterval(() => server.closeIdleConnections(), 100)
  const late = setTimeout(() => server.closeAllConnections(), drainMs)
  await closed
  clearInterval(idle)
  clearTimeout(late)
}
