// A process that calls a server through limits that it shares with others, and says how it went.
import { once } from 'node:events'
import { createFetch } from '@sluice/client'
import { redisStore } from '@sluice/redis'

const { url, redis, prefix, calls, limits } = JSON.parse(process.argv[2])
const store = redisStore(redis, { prefix })
const api = createFetch({
  limits,
  store,
  key: ({ url }) => (url.endsWith('/warm') ? `warm-${process.pid}` : 'shared'),
  retry: false,
  pacing: false,
})
// Connections take longer than a decision: the server is to count when it was decided.
await (await api(`${url}/warm`)).text()
process.send('ready')
await once(process, 'message')
const statuses = await Promise.all(
  Array.from({ length: calls }, async () => {
    const response = await api(url)
    await response.text()
    return response.status
  }),
)
process.send(statuses)
await store.close()
process.disconnect()
