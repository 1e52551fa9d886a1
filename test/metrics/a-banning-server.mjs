// One of several servers that ban the same key at the same time, and tell the same receiver.
import { createLimiter } from '@sluice/core'
import { webhook } from '@sluice/metrics'

const [store, name, url, secret] = process.argv.slice(2)
const ban = { after: 3, within: '1min', for: '1h' }
const limiter = createLimiter({ name, policies: '2/min', warnAt: 1, ban, store, timeoutMs: 5_000 })
const hook = webhook(url, { secret })
hook.observe(limiter)
process.once('message', async () => {
  for (let i = 0; i < 10; i++) await limiter.consume('203.0.113.7')
  // The ban is made behind the answer.
  await new Promise((resolve) => setTimeout(resolve, 500))
  await hook.close()
  await limiter.close()
  process.exit(0)
})
process.send('ready')
