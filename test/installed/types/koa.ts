import { memoryStore, sluice, tokenBucket } from '@sluice/koa'
import Koa from 'koa'

export const app = new Koa()
const limit = sluice({ store: memoryStore({ maxKeys: undefined }) })
app.use(limit('100/min', { key: (context) => context.get('x-api-key') }))
app.use(limit(tokenBucket('10/s', { burst: undefined }), { name: 'burst' }))
app.use((context) => {
  context.body = context.state.rateLimit?.binding?.remaining
})
