import { describe, expect, it } from 'vitest'
import { anthropic } from '../providers/anthropic.ts'
import { gemini } from '../providers/gemini.ts'
import { openai } from '../providers/openai.ts'
import type { Provider } from '../providers/provider.ts'
import type { Answer, UsageReader } from './answer.ts'
import { EventAnswer } from './event-answer.ts'
import { JsonAnswer } from './json-answer.ts'

const reader = ({ usage, answeredBy }: Provider): UsageReader => ({ usage, answeredBy, isOwn: false })

function readAll(answer: Answer, text: string, size = text.length): Answer {
  for (let from = 0; from < text.length; from += size) answer.read(text.slice(from, from + size))
  answer.end()
  return answer
}

const events = (provider: Provider, all: readonly unknown[], size?: number): Answer =>
  readAll(new EventAnswer(reader(provider)), all.map((data) => `data: ${JSON.stringify(data)}\n\n`).join(''), size)

const json = (provider: Provider, body: unknown): Answer =>
  readAll(new JsonAnswer(reader(provider)), typeof body === 'string' ? body : JSON.stringify(body))

describe('usage of a whole answer', () => {
  it.each([
    [
      'chat completions',
      openai,
      { model: 'm', usage: { prompt_tokens: 10, completion_tokens: 20, prompt_tokens_details: { cached_tokens: 4 } } },
      { inputTokens: 10, outputTokens: 20, cachedTokens: 4 },
    ],
    [
      'responses',
      openai,
      { model: 'm', usage: { input_tokens: 10, output_tokens: 20, input_tokens_details: { cached_tokens: 4 } } },
      { inputTokens: 10, outputTokens: 20, cachedTokens: 4 },
    ],
    [
      'embeddings',
      openai,
      { model: 'm', usage: { prompt_tokens: 8, total_tokens: 8 } },
      { inputTokens: 8, outputTokens: 0 },
    ],
    [
      'messages',
      anthropic,
      {
        model: 'm',
        usage: { input_tokens: 10, output_tokens: 20, cache_read_input_tokens: 5, cache_creation_input_tokens: 7 },
      },
      { inputTokens: 22, outputTokens: 20, cachedTokens: 5, cacheWriteTokens: 7 },
    ],
    [
      'generateContent',
      gemini,
      {
        modelVersion: 'm',
        usageMetadata: {
          promptTokenCount: 10,
          candidatesTokenCount: 20,
          thoughtsTokenCount: 30,
          toolUsePromptTokenCount: 4,
          cachedContentTokenCount: 2,
        },
      },
      { inputTokens: 14, outputTokens: 50, cachedTokens: 2 },
    ],
    [
      'streamGenerateContent, as an array',
      gemini,
      [
        { modelVersion: 'm', usageMetadata: { promptTokenCount: 10 } },
        { usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 9 } },
        {},
      ],
      { inputTokens: 10, outputTokens: 9 },
    ],
  ] as const)('of %s', (_what, provider, body, usage) => {
    const answer = json(provider, body)
    expect(answer.usage).toEqual(expect.objectContaining(usage))
    expect([answer.model, answer.writtenSince]).toEqual(['m', 0])
  })

  it('is found at the end of one that is too long to keep, but not in what a model wrote', () => {
    const data = Array.from({ length: 100_000 }, (_, i) => ({ index: i, embedding: [0.125, -0.5] }))
    expect(json(openai, { data, model: 'm', usage: { prompt_tokens: 8, total_tokens: 8 } }).usage).toMatchObject({
      inputTokens: 8,
    })
    const content = [{ type: 'tool_use', input: { usage: { input_tokens: 0, output_tokens: 0 } } }]
    const long = JSON.stringify({ usage: { input_tokens: 9, output_tokens: 9 }, text: 'x'.repeat(2_000_000), content })
    expect(json(anthropic, long).usage).toEqual({})
  })

  it.each([
    ['no JSON', 'oops'],
    ['null', 'null'],
    ['an error', { error: { message: 'no' } }],
    ['usage that is none', { usage: { prompt_tokens: '10', completion_tokens: -1 } }],
    ['usage that is no object', { usage: 5 }],
    ['inherited names', '{"__proto__":{"usage":{"prompt_tokens":1}}}'],
  ])('is unknown of %s', (_what, body) => {
    expect(json(openai, body).usage).toEqual({})
  })

  it('is estimated by what was written where the answer does not say it', () => {
    const { writtenSince, usage } = json(openai, {
      choices: [{ message: { content: 'one two three four "five"\n six' } }],
    })
    expect(usage).toEqual({})
    expect(writtenSince).toBeGreaterThanOrEqual(6)
    expect(writtenSince).toBeLessThan(12)
  })
})

describe('usage of a stream', () => {
  const delta = (content: string) => ({ model: 'm', choices: [{ index: 0, delta: { content } }], usage: null })

  it.each([1, 2, 3, 7, 1_000_000])('is read in parts of %i characters', (size) => {
    const { usage, writtenSince, model } = events(
      openai,
      [delta('Grüße'), delta('“x”'), { choices: [], usage: { prompt_tokens: 5, completion_tokens: 7 } }],
      size,
    )
    expect([usage, writtenSince, model]).toEqual([{ inputTokens: 5, outputTokens: 7 }, 0, 'm'])
  })

  it('is the last that was said, and what was written since', () => {
    const usage = (tokens: number) => ({ ...delta('x'), usage: { prompt_tokens: 5, completion_tokens: tokens } })
    const answer = events(openai, [usage(1), usage(2), delta('hello'), delta(' world')])
    expect([answer.usage.outputTokens, answer.writtenSince]).toEqual([2, 2])
  })

  it('is what was written where nothing was said: content, reasoning and the arguments of tools', () => {
    const tool = { choices: [{ delta: { tool_calls: [{ function: { arguments: '{"city":' } }] } }] }
    const answer = events(openai, [delta('hello'), { choices: [{ delta: { reasoning_content: ' world' } }] }, tool])
    expect(answer.usage).toEqual({})
    expect(answer.writtenSince).toBeGreaterThanOrEqual(4)
  })

  it('is what the last event of the Responses API says, whose others repeat themselves', () => {
    const repeated = { type: 'response.output_text.done', text: 'hello world '.repeat(50) }
    const started = [
      { type: 'response.created', response: { model: 'm', usage: null } },
      { type: 'response.output_text.delta', delta: 'hello' },
    ]
    expect(events(openai, [...started, repeated]).writtenSince).toBe(1)
    const usage = { input_tokens: 9, output_tokens: 2 }
    const whole = events(openai, [
      ...started,
      repeated,
      { type: 'response.completed', response: { model: 'm', usage } },
    ])
    expect([whole.usage, whole.writtenSince]).toEqual([{ inputTokens: 9, outputTokens: 2 }, 0])
  })

  it("is the input of Anthropic's first event and the output of its last", () => {
    const start = { type: 'message_start', message: { model: 'm', usage: { input_tokens: 9, output_tokens: 1 } } }
    const text = { type: 'content_block_delta', delta: { type: 'text_delta', text: 'hello' } }
    const cut = events(anthropic, [start, text, text])
    expect([cut.usage.inputTokens, (cut.usage.outputTokens ?? 0) + cut.writtenSince, cut.model]).toEqual([9, 3, 'm'])
    const whole = events(anthropic, [
      start,
      text,
      { type: 'message_delta', usage: { output_tokens: 30 } },
      { type: 'message_stop' },
    ])
    expect([whole.usage, whole.writtenSince]).toEqual([
      { inputTokens: 9, outputTokens: 30, cachedTokens: 0, cacheWriteTokens: 0 },
      0,
    ])
  })

  it("is the last chunk's of Gemini, each of which has all so far", () => {
    const part = (tokens: number) => ({ usageMetadata: { promptTokenCount: 4, candidatesTokenCount: tokens } })
    expect(events(gemini, [part(1), part(5), part(9)]).usage).toMatchObject({ inputTokens: 4, outputTokens: 9 })
  })

  it.each([
    ['lines that end with CR LF', (text: string) => text.replaceAll('\n', '\r\n')],
    ['no blank line at the end', (text: string) => text.trimEnd()],
    ['comments and other fields', (text: string) => `: hi\n\nevent: x\nid: 1\nretry: 5\nunknown: y\n${text}`],
  ])('is read with %s', (_what, change) => {
    const stream = `data: ${JSON.stringify(delta('a'))}\n\ndata: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7}}\n\n`
    expect(readAll(new EventAnswer(reader(openai)), change(stream), 5).usage).toMatchObject({ outputTokens: 7 })
  })

  it('is read behind a line that is too long to be', () => {
    const long = `data: ${'x'.repeat(3_000_000)}\n\n`
    const usage = 'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7}}\n\n'
    expect(readAll(new EventAnswer(reader(openai)), `${long}${usage}`, 65_536).usage).toMatchObject({ outputTokens: 7 })
  })

  it('is read in a line of a megabyte', () => {
    const data = { response: { output: 'x'.repeat(1_000_000), usage: { input_tokens: 9, output_tokens: 2 } } }
    expect(events(openai, [data], 65_536).usage).toMatchObject({ inputTokens: 9, outputTokens: 2 })
  })
})
