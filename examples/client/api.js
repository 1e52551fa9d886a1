// A limited API: pages that link to others, 20 a second for each client, and 40 at once.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { sluice, tokenBucket } from '@sluice/express'
import express from 'express'

export const PAGES = 120

/** Listens on a port of its own. `denied()` is how many requests it has turned away. */
export async function startApi() {
  let denied = 0
  const limit = sluice()
  limit.on('denied', () => {
    denied += 1
  })
  const app = express()
  app.disable('x-powered-by')
  app.use(limit(tokenBucket('20/s', { burst: 40 }), { name: 'pages' }))
  app.get('/pages/:number', (req, res) => {
    const number = Number(req.params.number)
    const links = [2 * number, 2 * number + 1].filter((page) => page <= PAGES)
    res.json({ title: `Page ${number}`, links: links.map((page) => `/pages/${page}`) })
  })
  const server = createServer(app)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    denied: () => denied,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
