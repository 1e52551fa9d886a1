// `npm run replicas`: two gateways on one Redis, that of SLUICE_STORE or one that is started here. One key, whichever it asks.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startProvider } from './src/fake/provider.js'

const file = (path) => fileURLToPath(new URL(path, import.meta.url))
const a = await startProvider({ format: 'openai', models: ['a-large', 'a-small', 'a-embed'], tokensPerSecond: 2_000 })
const b = await startProvider({ format: 'anthropic', models: ['b-large'], seed: 2, tokensPerSecond: 2_000 })
const redis = process.env.SLUICE_STORE === undefined ? await startRedis() : undefined
const store = process.env.SLUICE_STORE ?? redis.url

const env = {
  ...process.env,
  SLUICE_STORE: store,
  PROVIDER_A: a.url,
  PROVIDER_B: b.url,
  GATEWAY_CONFIG: file('gateway.config.yaml'),
}
const replicas = Array.from({ length: 2 }, () =>
  spawn(process.execPath, [file('src/replica.js')], { env, stdio: ['ignore', 'pipe', 'inherit'] }),
)
const urls = await Promise.all(replicas.map(listening))
console.log(
  `Two gateways, ${urls.join(' and ')}, on ${store.replace(/\/\/[^/]*@/, '//…@')}: 20 requests a minute for sk-red-free.`,
)

const ask = { model: 'fast', max_tokens: 20, messages: [{ role: 'user', content: 'Hello?' }] }
const headers = { authorization: 'Bearer sk-red-free', 'content-type': 'application/json' }
const statuses = []
for (let request = 0; request < 30; request++) {
  const url = urls[request % 2]
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(ask) })
  statuses.push(response.status)
  await response.text()
}
console.log(
  `${statuses.filter((status) => status === 200).length} of 30 requests, sent to both in turn, were let through.`,
)

if (process.argv.includes('--once')) await stop()
else console.log('They stay up. Stop them with Ctrl-C: streams may end first.')
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)

async function stop() {
  for (const replica of replicas) replica.kill('SIGTERM')
  await Promise.all(replicas.map((replica) => replica.exitCode ?? once(replica, 'exit')))
  redis?.server.kill()
  await Promise.all([a.close(), b.close()])
}

async function listening({ stdout }) {
  const lines = createInterface({ input: stdout })
  const [line] = await once(lines, 'line')
  return line.replace('Listening on ', '')
}

async function startRedis() {
  const port = await freePort()
  const server = spawn('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  server.once('error', () => {
    console.error('There is no redis-server here. Install one, or set SLUICE_STORE to the URL of a Redis.')
    process.exit(1)
  })
  for await (const line of createInterface({ input: server.stdout })) if (line.includes('Ready to accept')) break
  return { server, url: `redis://127.0.0.1:${port}` }
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  return port
}
