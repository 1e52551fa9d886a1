// What docs/testing.md says of the mock timers of node:test and the memory store's clock.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLimiter } from '@sluice/core'

/** Whether a denied key passes after a minute that only a fake clock has seen. */
function moves(passMinute) {
  const limiter = createLimiter({ policies: '1/min' })
  limiter.consume('a')
  passMinute()
  return limiter.consume('a').allowed
}

for (const apis of [undefined, ['setTimeout', 'setInterval', 'setImmediate', 'Date'], ['Date']]) {
  test(`mock.timers with ${apis ?? 'the default'} do not move it`, (t) => {
    t.mock.timers.enable(apis && { apis })
    assert.equal(
      moves(() => t.mock.timers.tick(60_000)),
      false,
    )
  })
}

test('mock.timers have no performance', (t) => {
  assert.throws(() => t.mock.timers.enable({ apis: ['performance'] }), { code: 'ERR_INVALID_ARG_VALUE' })
})

test('mock.method(performance) moves it', (t) => {
  let now = 0
  t.mock.method(performance, 'now', () => now)
  const passed = moves(() => {
    now += 60_000
  })
  assert.equal(passed, true)
})
