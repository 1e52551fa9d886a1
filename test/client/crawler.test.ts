import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

/** 120 pages at 20 a second, of which 40 pass at once. */
const LEAST_S = (120 - 40) / 20

it('examples/client crawls its API as fast as the limit permits, without a 429', async () => {
  const file = fileURLToPath(new URL('../../examples/client/crawl.js', import.meta.url))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file])
  expect(stderr).toBe('')
  const [, seconds] = /120 of 120 pages in (\d+\.\d) s, \d+ a second, \d+ waits, 0 times 429/.exec(stdout) ?? []
  expect(Number(seconds)).toBeGreaterThanOrEqual(LEAST_S - 0.1)
  expect(Number(seconds)).toBeLessThan(LEAST_S * 1.1 + 0.3)
})
