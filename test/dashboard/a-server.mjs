// One of two servers on one Redis, with a dashboard.
import { dashboard } from '@sluice/dashboard'
import { sluice } from '@sluice/express'
import express from 'express'

const [store, name] = process.argv.slice(2)
const limit = sluice({ store })
const page = dashboard(limit)
const app = express()
app.use('/_sluice', page)
app.get('/search', limit('5/min', { name, key: (req) => String(req.query.k) }), (_req, res) => res.json([]))
const server = app.listen(0, () => process.send(`http://127.0.0.1:${server.address().port}`))
process.on('message', () => page.flush().then(() => process.send('flushed')))
