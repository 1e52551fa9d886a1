import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, it } from 'vitest'
import { textCounter } from './tokenizer.ts'

const plain = { disallowedSpecial: new Set<string>() }
const ever = Number.POSITIVE_INFINITY

describe("tokenizer: 'o200k'", () => {
  const counter = textCounter('o200k')

  it('counts as gpt-tokenizer does, but for half a per cent at the ends of slices', async () => {
    expect(counter.isExact).toBe(true)
    expect(await counter.count(['Hello, world!', ' Bye.'], ever)).toBe(
      countTokens('Hello, world!') + countTokens(' Bye.'),
    )
    const long = 'The quick brown fox jumps over the lazy dog. '.repeat(1_000)
    const counted = countTokens(long, plain)
    const sliced = await counter.count([long], ever)
    expect(sliced).toBeGreaterThanOrEqual(counted)
    expect(sliced).toBeLessThan(counted * 1.006)
  })

  it('takes special tokens for text', () => {
    expect(counter.count(['<|endoftext|><|endofprompt|>'], ever)).toBe(
      countTokens('<|endoftext|><|endofprompt|>', plain),
    )
  })

  it('lets others have their turn while it counts what is slow, and stops beyond what is asked for', {
    retry: 3,
  }, async () => {
    const slow = Array.from({ length: 200_000 }, (_, i) => String.fromCharCode(97 + ((i * i) % 26))).join('')
    let longest = 0
    let last = performance.now()
    const watch = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 1)
    const counted = counter.count([slow], ever)
    expect(counted).toBeInstanceOf(Promise)
    expect(await counted).toBeGreaterThan(10_000)
    clearInterval(watch)
    expect(longest).toBeLessThan(50)
    expect(await counter.count([slow], 1_000)).toBeLessThan(2_500)
  })
})

describe('a tokenizer of the app', () => {
  it('is given slices', () => {
    const lengths: number[] = []
    const counter = textCounter((text) => lengths.push(text.length))
    counter.count(['x'.repeat(2_500), 'yy'], ever)
    expect(lengths).toEqual([1_024, 1_024, 452, 2])
  })

  it.each([[-1], [1.5], [Number.NaN], ['3'], [undefined]])('that answers with %o is told so', (answer) => {
    const counter = textCounter((() => answer) as never)
    expect(() => counter.count(['x'], ever)).toThrow('tokenizer: expected a whole number of tokens ≥ 0')
  })

  it('is a function or a name that is known', () => {
    expect(() => textCounter('cl100k' as never)).toThrow("tokenizer: expected 'o200k' or a function")
  })
})
