// `import` and `require` in one process: one core, whose policies, stores and knowledge of a store's health are shared.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import * as imported from '@sluice/core'
import * as http from '@sluice/core/http'
import { sluice } from '@sluice/express'

const require = createRequire(import.meta.url)
const required = require('@sluice/core')

for (const [name, value] of Object.entries(imported)) assert.equal(required[name], value, name)
assert.equal(require('@sluice/core/http').clientKey, http.clientKey)
assert.equal(require('@sluice/express').sluice, sluice)

// A policy made by one is a policy to the other.
const store = imported.memoryStore()
const mine = imported.createLimiter({ policies: required.tokenBucket('2/min'), store })
const theirs = required.createLimiter({ policies: imported.tokenBucket('2/min'), store })
assert.equal(mine.consume('a').binding.remaining, 1)
assert.equal(theirs.consume('a').binding.remaining, 0)

// A store that one knows to be down is not asked by the other.
let asked = 0
const down = {
  consume() {
    asked += 1
    return Promise.reject(new Error('down'))
  },
  peek: () => Promise.reject(new Error('down')),
  refund() {},
  reset() {},
  clear() {},
  close() {},
}
const [first, second] = [imported, required].map(({ createLimiter }) =>
  createLimiter({ policies: '1/min', store: down }),
)
first.on('degraded', () => undefined)
assert.equal((await first.consume('a')).degraded, true)
assert.equal((await second.consume('b')).degraded, true)
assert.equal(asked, 1)
await first.close()
console.log('one instance')
