// One of several servers on one Redis: its limit, and its metrics.
import { sluice } from '@sluice/express'
import { createMetrics } from '@sluice/metrics'
import express from 'express'

const [store, name] = process.argv.slice(2)
const limit = sluice({ store })
const app = express()
app.get('/metrics', createMetrics(limit).express)
app.get('/', limit('25/min', { name, key: () => 'everybody' }), (_req, res) => res.end('ok'))
const server = app.listen(0, () => process.send?.(`http://127.0.0.1:${server.address().port}`))
