import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WholeEvents } from './whole-events.ts'

const chunk = (choices: unknown, usage: unknown = null): string => JSON.stringify({ id: '1', choices, usage })
const word = (content: string): string => chunk([{ index: 0, delta: { content } }])
const USAGE = chunk([], { prompt_tokens: 5, completion_tokens: 7 })

/** A stream cut into parts at these bytes. */
function strip(stream: string, cuts: readonly number[]): string {
  const bytes = Buffer.from(stream)
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  const stripper = new WholeEvents(true)
  const parts = ends.map((end, i) => stripper.push(bytes.subarray(ends[i - 1] ?? 0, end)))
  return Buffer.concat([...parts, stripper.flush()]).toString()
}

describe('the chunk that has only usage', () => {
  it.each([
    ['LF', '\n'],
    ['CR LF', '\r\n'],
    ['CR', '\r'],
  ])('is taken out of a stream whose lines end with %s, wherever its bytes are cut', (_name, end) => {
    const event = (data: string): string => `data: ${data}${end}${end}`
    const before = [`: ping${end}${end}`, event(word('Grüße, 👋 “you”')), event(word('b'))].join('')
    const stream = `${before}${event(USAGE)}${event('[DONE]')}`
    fc.assert(
      fc.property(fc.array(fc.nat(10_000), { maxLength: 60 }), (cuts) => {
        expect(strip(stream, cuts)).toBe(`${before}${event('[DONE]')}`)
      }),
      { numRuns: 200 },
    )
    const everywhere = Array.from({ length: Buffer.byteLength(stream) }, (_, i) => i)
    expect(strip(stream, everywhere)).toBe(`${before}${event('[DONE]')}`)
  })

  it.each([
    ['usage in a chunk with choices', `data: ${chunk([{ index: 0, delta: {} }], { prompt_tokens: 5 })}\n\n`],
    ['a chunk without choices or usage, as Azure begins with', `data: ${chunk([])}\n\n`],
    ['text that mentions it', `data: ${word('{"choices":[],"usage":{}}')}\n\n`],
    ['an event with other fields', `event: x\nid: 7\ndata: {"usage":\ndata: {}}\n\n`],
    ['no event at all', 'hello "usage" world'],
    ['a line of a megabyte', `data: ${word('x'.repeat(1_048_576))}\n\n`],
  ])('is nothing else: %s passes', (_what, stream) => {
    expect(strip(stream, [3, 20, 21])).toBe(stream)
  })

  it('is found without a space, over several lines, and at an end without a blank line', () => {
    expect(strip(`data:${USAGE}\n\n`, [4])).toBe('')
    expect(strip('data: {"choices":[],\ndata: "usage":{"prompt_tokens":1}}\n\n', [])).toBe('')
    expect(strip(`data: ${word('a')}\n\ndata: ${USAGE}`, [])).toBe(`data: ${word('a')}\n\n`)
  })

  it('holds back no more than one event, and that no longer than 16 kB', () => {
    const stripper = new WholeEvents(true)
    expect(stripper.push(Buffer.from('data: a\n\ndata: b')).toString()).toBe('data: a\n\n')
    expect(stripper.push(Buffer.from('\n\n')).toString()).toBe('data: b\n\n')
    const long = Buffer.alloc(20_000, 'x')
    expect(stripper.push(long)).toHaveLength(20_000)
  })
})
