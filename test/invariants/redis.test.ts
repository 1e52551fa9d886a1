import { redisStore } from '@sluice/redis'
import { inject } from 'vitest'
import { aPrefix } from '../redis/stores.ts'
import { invariants } from './suite.ts'

invariants((clock) => redisStore(inject('redisUrl'), { clock, prefix: aPrefix() }), 20)
