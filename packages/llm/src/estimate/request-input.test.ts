import { describe, expect, it } from 'vitest'
import { requestInput } from './request-input.ts'

const texts = (body: unknown): readonly string[] => [...requestInput(body).texts].sort()

describe('what counts of a body', () => {
  it('is the text of its messages, and four tokens for the frame of each', () => {
    const { otherTokens } = requestInput({
      model: 'm',
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
    })
    expect(otherTokens).toBe(8)
    expect(texts({ model: 'm', user: 'u', messages: [{ role: 'user', content: 'a' }] })).toEqual(['a'])
  })

  it.each([
    [
      'parts',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'a' },
              { type: 'text', text: 'b' },
            ],
          },
        ],
      },
      ['a', 'b'],
    ],
    [
      'the Responses API',
      { instructions: 'a', input: [{ role: 'user', content: [{ type: 'input_text', text: 'b' }] }] },
      ['a', 'b'],
    ],
    ['completions', { prompt: ['a', 'b'] }, ['a', 'b']],
    ['embeddings', { input: 'a', encoding_format: 'float' }, ['a']],
    [
      'Anthropic',
      { system: [{ type: 'text', text: 'a' }], messages: [{ role: 'user', content: 'b' }], max_tokens: 5 },
      ['a', 'b'],
    ],
    [
      'results of tools',
      { messages: [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: 'a' }] }] },
      ['a'],
    ],
    [
      'calls of tools',
      {
        messages: [
          { role: 'assistant', tool_calls: [{ id: 'x', type: 'function', function: { name: 'a', arguments: 'b' } }] },
        ],
      },
      ['a', 'b'],
    ],
    [
      'Gemini',
      {
        systemInstruction: { parts: [{ text: 'a' }] },
        contents: [{ role: 'user', parts: [{ text: 'b' }] }],
        generationConfig: { stopSequences: ['z'] },
      },
      ['a', 'b'],
    ],
    ['anything else', { q: 'a', deep: [{ er: ['b'] }] }, ['a', 'b']],
    ['an array', ['a', ['b']], ['a', 'b']],
    ['nothing', undefined, []],
  ])('of %s', (_what, body, expected) => {
    expect(texts(body)).toEqual(expected)
  })

  it('are the names in a schema, as its texts are', () => {
    const parameters = { type: 'object', properties: { city_of_departure: { type: 'string', description: 'a' } } }
    const { otherTokens } = requestInput({ tools: [{ type: 'function', function: { name: 'b', parameters } }] })
    expect(otherTokens).toBeGreaterThanOrEqual(5)
  })

  it('are tokens that are sent as numbers', () => {
    expect(
      requestInput({
        input: [
          [1, 2, 3],
          [4, 5],
        ],
      }).otherTokens,
    ).toBe(5)
  })

  it.each([
    ['an image by its address', { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }],
    ['an image as base64', { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(100_000)}` } }],
    [
      'an image of the Responses API',
      { type: 'input_image', image_url: `data:image/png;base64,${'A'.repeat(100_000)}` },
    ],
    [
      'an image of Anthropic',
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(100_000) } },
    ],
    [
      'a document of Anthropic',
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'A'.repeat(9) } },
    ],
    ['a file', { type: 'file', file: { file_data: 'A'.repeat(100_000) } }],
    ['an image of Gemini', { inlineData: { mimeType: 'image/png', data: 'A'.repeat(100_000) } }],
    ['sound', { type: 'input_audio', input_audio: { data: 'A'.repeat(100_000), format: 'wav' } }],
  ])('is one attachment of %s', (_what, part) => {
    const { texts, attachments } = requestInput({ messages: [{ role: 'user', content: [part] }] })
    expect([attachments, texts.join('').length < 100]).toEqual([1, true])
  })

  it('is text that only looks like a file', () => {
    const text = `data:text/plain;base64,${'A'.repeat(1_000)}`
    expect(texts({ messages: [{ role: 'user', content: [{ type: 'text', text }] }] })).toEqual([text])
    expect(texts({ messages: [{ role: 'user', content: 'A'.repeat(1_000) }] })).toEqual(['A'.repeat(1_000)])
  })

  it('is found however deep it lies, and ends where a body contains itself', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}"a"${']'.repeat(100_000)}`)
    expect(texts({ input: deep })).toEqual(['a'])
    const endless: { input?: unknown } = {}
    endless.input = endless
    expect(requestInput(endless).texts).toEqual([])
  })
})
