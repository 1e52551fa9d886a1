// `npm run demo`: the same load twice, once with reservations and once as most gateways do it, charged when the answers have come.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProvider } from './src/fake/provider.js'
import { createGateway } from './src/gateway.js'
import { serve } from './src/serve.js'

const TOKENS = 4_000
const DOLLARS = 0.06
const CLIENTS = 40
const REQUESTS = 400

const CONFIG = (a, b) => `
timeZone: UTC
providers: { a: { format: openai, url: "${a}" }, b: { format: anthropic, url: "${b}" } }
models:
  a-large: { provider: a, input: 2.5, output: 10, context: 128000 }
  b-large: { provider: b, input: 3, output: 15, context: 200000 }
aliases: { smart: [a-large, b-large] }
cheaperFrom: 2
tiers: { demo: [100k/min, ${TOKENS / 1_000}k tokens/min, { quota: $${DOLLARS}/month }] }
teams: { demo: {} }
keys: { demo: { team: demo, tier: demo } }
warnAt: 1
`

console.log(
  `${REQUESTS} streams by ${CLIENTS} clients with one key: ${TOKENS.toLocaleString('en')} tokens a minute, $${DOLLARS} a month. ` +
    'Provider A fails now and then.\n',
)
const rows = []
for (const reserves of [true, false]) rows.push(await run(reserves))
console.table(rows)
console.log('Overshoot: tokens beyond the limit, and money beyond the budget, that were used all the same.')

async function run(reserves) {
  const a = await startProvider({ format: 'openai', models: ['a-large'], tokensPerSecond: 500, limits: '100k/min' })
  const b = await startProvider({
    format: 'anthropic',
    models: ['b-large'],
    tokensPerSecond: 500,
    limits: '100k/min',
    seed: 2,
  })
  const folder = mkdtempSync(join(tmpdir(), 'sluice-demo-'))
  const configPath = join(folder, 'gateway.config.yaml')
  writeFileSync(configPath, CONFIG(a.url, b.url))
  const gateway = createGateway({ configPath, reserves, write: () => undefined })
  const server = await serve(gateway)
  for (const kind of ['500', '429', 'death']) await fault(a.url, kind)

  let sent = 0
  let admitted = 0
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (sent < REQUESTS) {
        const content = `Tell me something, number ${sent++}.`
        const response = await fetch(`${server.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: 'Bearer demo', 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'smart', stream: true, max_tokens: 60, messages: [{ role: 'user', content }] }),
        })
        await response.text()
        if (response.ok) admitted++
        // Who was denied comes back a little later.
        else await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }),
  )
  await new Promise((resolve) => setTimeout(resolve, 50))
  const { observer } = gateway
  const tokens = observer.total('gateway_tokens_total')
  const dollars = observer.total('gateway_micro_dollars_total') / 1e6
  const row = {
    'tokens and money are': reserves ? 'reserved, then settled' : 'charged afterwards',
    offered: REQUESTS,
    admitted,
    tokens,
    overshoot: Math.max(0, tokens - TOKENS),
    fallbacks: observer.total('gateway_fallbacks_total'),
    cost: `$${dollars.toFixed(4)}`,
    'over budget': `$${Math.max(0, dollars - DOLLARS).toFixed(4)}`,
  }
  await server.close(1_000)
  await Promise.all([a.close(), b.close()])
  rmSync(folder, { recursive: true })
  return row
}

function fault(url, kind) {
  return fetch(`${url}/__fault`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind, times: 3 }),
  })
}
