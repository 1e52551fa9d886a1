import { sluice } from '@sluice/express'
import express from 'express'

// Four of these share one Redis: a limit is one limit, whichever of them a request comes to.
const limit = sluice({ store: process.env.SLUICE_STORE ?? 'redis://localhost:6379', instances: 4 })
limit.on('degraded', ({ error }) => console.error(error.message))
limit.on('recovered', () => console.error('The store decides again.'))

const app = express()
app.disable('x-powered-by')
app.get('/', limit('20/min', { name: 'shared', key: (req) => req.get('x-api-key') ?? 'nobody' }), (req, res) =>
  res.json({ port: server.address().port, degraded: req.rateLimit.degraded }),
)

const server = app.listen(Number(process.env.PORT ?? 0), (error) => {
  if (error) throw error
  console.log(`Listening on http://localhost:${server.address().port}`)
})
