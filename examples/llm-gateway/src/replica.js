// One replica of the gateway in a process of its own: `replicas.js` starts two.
import { createGateway } from './gateway.js'
import { serve } from './serve.js'

const { GATEWAY_CONFIG: configPath, SLUICE_STORE: store, PORT = '0' } = process.env
const server = await serve(createGateway({ configPath, store }), Number(PORT))
console.log(`Listening on ${server.url}`)

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close())
