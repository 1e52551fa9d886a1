import { concurrency, type PolicyLike } from '@sluice/core'
import { quota } from '@sluice/quota'
import { describe, expect, it } from 'vitest'
import { describeLimits } from './describe-limits.js'
import { duration, limitsInWords } from './in-words.js'

describe('limitsInWords', () => {
  it.each<[PolicyLike | PolicyLike[], string]>([
    ['5/15min', '5 requests per 15 minutes for each client address.'],
    ['1/s', '1 request per second for each client address.'],
    ['1.5M tokens/day', '1,500,000 tokens per day for each client address.'],
    ['$0.25/hour', '$0.25 per hour for each client address.'],
    ['600 inference s/hour', '600 seconds of inference per hour for each client address.'],
    ['50MB/hour', '50,000,000 bytes per hour for each client address.'],
    [concurrency(2), '2 requests at a time for each client address.'],
    [quota('10k/month'), '10,000 requests per calendar month for each client address.'],
    [['10/s', '100/hour'], '10 requests per second and 100 requests per hour for each client address.'],
  ])('says %j', (policies, words) => {
    expect(limitsInWords(describeLimits({ limits: { a: { policies } } }))).toBe(words)
  })

  it('says whose quota it is where a configuration file does, and what a request counts as', () => {
    const key = Object.assign(() => 'a', { [Symbol.for('sluice.source')]: 'header:x-api-key, ip' })
    expect(limitsInWords(describeLimits({ limits: { a: { policies: '5/min', key, cost: 5 } } }))).toBe(
      '5 requests per minute for each `x-api-key` header or client address. A request counts as 5 requests.',
    )
  })

  it('says that it depends where a function chooses the policies', () => {
    expect(limitsInWords([{ name: 'a', policies: [], dialects: ['draft'], hasProblem: true }])).toBe(
      'The limit depends on the client.',
    )
  })
})

describe('duration', () => {
  it.each([
    [0.5, '500 milliseconds'],
    [0.001, 'millisecond'],
    [1, 'second'],
    [90, '90 seconds'],
    [604_800, 'week'],
  ])('of %d seconds is %s', (seconds, words) => {
    expect(duration(seconds)).toBe(words)
  })
})
