import { createLimiter } from '@sluice/core'
import { redisStore } from '@sluice/redis'
import { show } from './show.mjs'

show(createLimiter({ policies: '1/min', store: redisStore(process.env.SLUICE_STORE), timeoutMs: 5_000 }))
