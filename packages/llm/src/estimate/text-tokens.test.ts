import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, it } from 'vitest'
import { textTokens } from './text-tokens.ts'
import { TEXTS } from './texts.test-helper.ts'

describe('the estimate of a text', () => {
  it.each(Object.entries(TEXTS))('of %s is within a fifth of what o200k counts', (_what, text) => {
    const counted = countTokens(text, { disallowedSpecial: new Set() })
    const share = textTokens(text) / counted
    expect(share).toBeGreaterThan(0.8)
    expect(share).toBeLessThan(1.2)
  })

  it.each([
    ['', 0],
    [' ', 0],
    ['a', 1],
    ['hello', 1],
    ['hello world', 2],
    ['camelCaseWord', 3],
    ['1234567', 3],
  ])('of %o is %i', (text, tokens) => {
    expect(textTokens(text)).toBe(tokens)
  })

  it('is never negative or endless for odd characters', () => {
    for (const text of ['\u0000\uffff', '\ud800', '\udc00\ud800', '\u200d\ufe0f', '𝕏'.repeat(10)]) {
      expect(textTokens(text)).toBeGreaterThan(0)
      expect(textTokens(text)).toBeLessThanOrEqual(2 * text.length)
    }
  })

  it.each([
    ['a word of 200,000 letters', 'a'.repeat(200_000)],
    [
      '200,000 letters without a space',
      Array.from({ length: 200_000 }, (_, i) => String.fromCharCode(97 + ((i * 7_919) % 26))).join(''),
    ],
    ['40,000 emoji', '👩‍👧'.repeat(40_000)],
  ])('takes less than 5 ms of the event loop for %s', { retry: 3 }, (_what, text) => {
    textTokens(text)
    const times = Array.from({ length: 30 }, () => {
      const start = performance.now()
      textTokens(text)
      return performance.now() - start
    })
    expect(Math.min(...times)).toBeLessThan(5)
  })
})
