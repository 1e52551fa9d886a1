// `npm start`: two providers that are not ones, and a gateway in front of them. No network, no API key.
import { fileURLToPath } from 'node:url'
import { startProvider } from './src/fake/provider.js'
import { createGateway } from './src/gateway.js'
import { serve } from './src/serve.js'

const a = await startProvider({ format: 'openai', models: ['a-large', 'a-small', 'a-embed'] })
const b = await startProvider({ format: 'anthropic', models: ['b-large'], seed: 2 })
process.env.PROVIDER_A ??= a.url
process.env.PROVIDER_B ??= b.url

const configPath = process.env.GATEWAY_CONFIG ?? fileURLToPath(new URL('gateway.config.yaml', import.meta.url))
const gateway = createGateway({ configPath, store: process.env.SLUICE_STORE })
const server = await serve(gateway, Number(process.env.PORT ?? 8080))

console.log(`A gateway on ${server.url}, in front of ${a.url} (OpenAI's API) and ${b.url} (Anthropic's). Try:

  curl -si ${server.url}/v1/chat/completions -H 'authorization: Bearer sk-red-free' -H 'content-type: application/json' \\
    -d '{"model":"smart","messages":[{"role":"user","content":"Hello?"}]}'
  curl -sN ${server.url}/v1/messages -H 'x-api-key: sk-blue' -H 'content-type: application/json' \\
    -d '{"model":"fast","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"Hello?"}]}'
  curl -s ${a.url}/__fault -H 'content-type: application/json' -d '{"kind":"500","times":3}'
  curl -s ${server.url}/usage -H 'authorization: Bearer sk-red-free'
  curl -s ${server.url}/metrics
`)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    console.log('Streams may end; nothing new is accepted.')
    await server.close()
    await Promise.all([a.close(), b.close()])
  })
}
