import { describe, expect, it } from 'vitest'
import { createLimiter, memoryStore, slidingLog, slidingWindow, tokenBucket } from '../index.ts'
import { problem } from './problem.ts'

const denied = (policies: Parameters<typeof createLimiter>[0]['policies'], cost = 1) => {
  const limiter = createLimiter({ policies, store: memoryStore({ clock: () => 0 }) })
  limiter.consume('a')
  return limiter.consume('a', { cost })
}

const detail = (...asked: Parameters<typeof denied>) => problem(denied(...asked), 'text/plain').body

describe('the sentence of a denial', () => {
  it.each<[ReturnType<typeof detail>, string]>([
    [detail(slidingLog('1/min')), 'The limit "default" (1 request in 1 minute) is used up. Try again in 1 minute.\n'],
    [detail(slidingLog('1/day')), 'The limit "default" (1 request in 1 day) is used up. Try again in 1 day.\n'],
    [
      detail(slidingLog('1/90min')),
      'The limit "default" (1 request in 1 hour 30 minutes) is used up. Try again in 1 hour 30 minutes.\n',
    ],
    [detail(slidingLog('1/100ms')), 'The limit "default" (1 request in 100 ms) is used up. Try again in 1 second.\n'],
    [
      detail(tokenBucket('2 tokens/min'), 2),
      'The limit "default" (2 tokens in 1 minute) has 1 left, and this request needs 2. Try again in 30 seconds.\n',
    ],
    [
      detail('5k content-bytes/min', 6_000),
      'The limit "default" (5,000 bytes in 1 minute) lets at most 5,000 bytes through at once; this request needs 6,000.\n',
    ],
    [
      detail([slidingWindow('9/s', { name: 'wide' }), slidingLog('1/h', { name: 'tight' })]),
      'The limit "tight" (1 request in 1 hour) is used up. Try again in 1 hour.\n',
    ],
  ])('is %s', (given, expected) => {
    expect(given).toBe(expected)
  })
})

describe('the form of a denial', () => {
  const form = (accept: string | undefined) => typeof problem(denied('1/min'), accept).body
  it.each<[string | undefined, 'object' | 'string']>([
    [undefined, 'object'],
    ['*/*', 'object'],
    ['application/json, text/plain, */*', 'object'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'string'],
    ['text/plain', 'string'],
    ['text/*;q=0.5, application/problem+json;q=0.4', 'string'],
    ['text/plain;q=0.2, application/*', 'object'],
    ['text/plain;q=0, */*;q=0.1', 'object'],
    ['garbage;;q=x, text/', 'object'],
  ])('for Accept: %s is %s', (accept, expected) => {
    expect(form(accept)).toBe(expected)
  })

  it('names only what denied', () => {
    expect(problem(denied(['1/min', '5/day']), undefined).body).toMatchObject({ 'violated-policies': ['default-1min'] })
  })
})

describe('the details of a sentence', () => {
  it('never round a window up', () => {
    expect(detail(slidingLog('1/90061s'))).toContain('(1 request in 1 day 1 hour 1 minute 1 second)')
  })

  it('are text for a client that asks for it in capitals (RFC 9110 §8.3.1)', () => {
    expect(problem(denied(slidingLog('1/min')), 'Text/PLAIN').headers).toBeUndefined()
    expect(problem(denied(slidingLog('1/min')), 'APPLICATION/json').headers).toBeDefined()
  })
})
