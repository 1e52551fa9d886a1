import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, inject, it } from 'vitest'

const start = fileURLToPath(new URL('../../examples/cluster/start.js', import.meta.url))
const run = (store: string) =>
  promisify(execFile)(process.execPath, [start], { env: { ...process.env, SLUICE_STORE: store } })

it('four servers on one Redis share one limit', async () => {
  const { stdout, stderr } = await run(inject('redisUrl'))
  const lines = [...stdout.matchAll(/^ +\d+ {2}(\d+) {2}(\d+) {2}RateLimit: "shared";r=(\d+);/gm)]
  expect(new Set(lines.map(([, port]) => port)).size).toBe(4)
  expect(lines.slice(0, 20).map(([, , status, left]) => [status, left])).toEqual(
    Array.from({ length: 20 }, (_, i) => ['200', `${19 - i}`]),
  )
  expect(stdout).toContain('20 of 32 requests were allowed, over four processes.')
  expect(stderr).toBe('')
})

it('four servers without a Redis say so, and limit by a quarter each', async () => {
  const { stdout, stderr } = await run('redis://localhost:1')
  expect(stdout).toContain('20 of 32 requests were allowed')
  expect(stdout).toContain('each server limited by its own quarter')
  expect(stderr.match(/ECONNREFUSED/g)).toHaveLength(4)
})
