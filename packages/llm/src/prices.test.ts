import { describe, expect, it } from 'vitest'
import { checkPrices, microDollars } from './prices.ts'

const usage = { inputTokens: 1_000, outputTokens: 100, cachedTokens: 600, cacheWriteTokens: 300 }

describe('what a call costs', () => {
  it('is a micro-dollar for each token at a dollar per million', () => {
    expect(microDollars({ ...usage, cachedTokens: 0, cacheWriteTokens: 0 }, { input: 1, output: 10 })).toBe(2_000)
  })

  it('takes the cache into account where it has a price of its own', () => {
    expect(microDollars(usage, { input: 1, output: 10 })).toBe(2_000)
    expect(microDollars(usage, { input: 1, output: 10, cachedInput: 0.1, cacheWrite: 1.25 })).toBe(
      100 + 60 + 375 + 1_000,
    )
  })

  it('is rounded up, but not for what only floating point adds', () => {
    expect(
      microDollars(
        { ...usage, inputTokens: 3, cachedTokens: 0, cacheWriteTokens: 0, outputTokens: 0 },
        { input: 0.1, output: 1 },
      ),
    ).toBe(1)
    expect(
      microDollars(
        { ...usage, inputTokens: 30, cachedTokens: 0, cacheWriteTokens: 0, outputTokens: 0 },
        { input: 0.1, output: 1 },
      ),
    ).toBe(3)
  })

  it('cannot be negative where an answer counts more in the cache than in all', () => {
    expect(
      microDollars(
        { inputTokens: 10, outputTokens: 0, cachedTokens: 50, cacheWriteTokens: 50 },
        { input: 1, output: 1, cachedInput: 0 },
      ),
    ).toBe(0)
  })

  it.each([
    [
      { m: { input: 1 } },
      'prices: output of "m": expected dollars per million tokens, from 0 to 1,000,000, got undefined.',
    ],
    [{ m: { input: -1, output: 1 } }, 'got -1'],
    [{ m: { input: Number.NaN, output: 1 } }, 'got NaN'],
    [{ m: { input: 1, output: 1, cached: 1 } }, 'has no option "cached"'],
    [[], 'prices: expected prices by model'],
    ['free', 'prices: expected prices by model'],
  ])('refuses %o', (prices, sentence) => {
    expect(() => checkPrices(prices as never)).toThrow(sentence)
  })

  it('knows no models by inherited names', () => {
    expect(checkPrices({ m: { input: 1, output: 1 } })?.('toString')).toBeUndefined()
  })
})
