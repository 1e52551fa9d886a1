import { ledger, plans, sluice } from '@sluice/fastify'
import fastify from 'fastify'
import { invoiceText, isMonth } from './invoice-text.js'
import { ledgerFolder, openLedgerTable } from './ledger-table.js'
import { customers, policies } from './plans.js'

const table = await openLedgerTable(ledgerFolder)
const usage = ledger({ write: table.write, everyMs: Number(process.env.LEDGER_EVERY_MS ?? 5_000) })
usage.on('failed', ({ error, records, retryAfterMs }) =>
  console.error(`${records} usage records could not be written, retrying in ${retryAfterMs} ms: ${error.message}`),
)
usage.on('dropped', ({ units, total }) => console.error(`${units} units will not be billed, ${total} since the start.`))

const limit = sluice({ store: process.env.SLUICE_STORE, ledger: usage })
const app = fastify()

// Runs before the limit, which counts by customer: a new API key does not make a new quota.
app.decorateRequest('customer', null)
app.addHook('onRequest', async (request, reply) => {
  request.customer = customers.get(request.headers['x-api-key'])
  if (request.customer === undefined) return reply.code(401).send({ error: 'Send an API key as x-api-key.' })
})

const onRequest = limit(
  plans(policies, (request) => request.customer.plan),
  {
    name: 'api',
    key: (request) => request.customer.name,
    cost: (request) => request.routeOptions.config.units ?? 1,
  },
)

app.get('/search', { onRequest }, async () => ({ results: [] }))
app.post('/reports', { onRequest, config: { units: 10 } }, async () => ({ report: 'ready' }))

// Free of charge.
app.get('/rate_limit', limit.usage())
app.get('/invoices/:month', async (request, reply) => {
  const { month } = request.params
  if (!isMonth(month)) return reply.code(404).send({ error: 'Expected a month, as in /invoices/2027-01.' })
  const { name } = request.customer
  return invoiceText(name, month, await table.usageIn(name, month))
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)

async function stop() {
  // First the requests, which still use units; then the ledger, which writes them; then what it writes to.
  await app.close()
  await limit.close()
  await table.close()
}

await app.listen({ port: Number(process.env.PORT ?? 3000), host: '::' })
console.log(`Listening on http://localhost:${app.server.address().port}`)
