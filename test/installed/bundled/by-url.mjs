import { createLimiter } from '@sluice/core'
import { show } from './show.mjs'

try {
  show(createLimiter({ policies: '1/min', store: process.env.SLUICE_STORE, timeoutMs: 5_000 }))
} catch (error) {
  console.log(`${error.name}: ${error.message}`)
}
