// Starts a job that never ends, and says so: bottleneck.test.ts kills it.
import { concurrency, createLimiter } from '@sluice/core'
import { redisStore } from '@sluice/redis'
import Bottleneck from 'bottleneck'
import { Redis } from 'ioredis'

const [url, id] = process.argv.slice(2)
const { hostname: host, port } = new URL(url)

const theirs = new Bottleneck({
  id,
  datastore: 'ioredis',
  Redis,
  clientOptions: { host, port: Number(port) },
  maxConcurrent: 1,
})
const ours = createLimiter({
  policies: concurrency(1, { leaseMs: 1_000 }),
  store: redisStore(url, { prefix: id }),
  timeoutMs: 10_000,
})

const started = []
const hold = (name) => () => {
  started.push(name)
  if (started.length === 2) process.send?.('both hold')
  return new Promise(() => undefined)
}
theirs.schedule(hold('theirs'))
ours.run('all', hold('ours'))
