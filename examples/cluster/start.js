// Four servers on one Redis: 32 requests of one client, dealt out to their four ports in turn; 20 a minute are allowed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const store = process.env.SLUICE_STORE ?? 'redis://localhost:6379'
const file = fileURLToPath(new URL('server.js', import.meta.url))
const servers = Array.from({ length: 4 }, () =>
  spawn(process.execPath, [file], {
    env: { ...process.env, SLUICE_STORE: store, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  }),
)
const urls = await Promise.all(servers.map(listening))

console.log(`Four servers on ${store.replace(/\/\/[^/]*@/, '//…@')}, one limit: 20/min`)
const key = `client-${Date.now()}`
let allowed = 0
let degraded = false
for (let request = 0; request < 32; request++) {
  const url = urls[request % urls.length]
  const response = await fetch(url, { headers: { 'x-api-key': key } })
  const body = await response.json()
  if (response.ok) allowed += 1
  if (body.degraded === true) degraded = true
  console.log(
    `${String(request + 1).padStart(4)}  ${new URL(url).port}  ${response.status}  RateLimit: ${response.headers.get('ratelimit')}`,
  )
}
console.log(`\n${allowed} of 32 requests were allowed, over four processes.`)
if (degraded)
  console.log(
    'The store could not be reached: each server limited by its own quarter. Start a Redis, or set SLUICE_STORE.',
  )
for (const server of servers) server.kill()

async function listening(server) {
  const [line] = await Promise.race([
    once(createInterface(server.stdout), 'line'),
    once(server, 'exit').then(() => ['']),
  ])
  if (line === '') process.exit(1)
  return line.replace('Listening on ', '')
}
