import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import Anthropic from '@anthropic-ai/sdk'
import { createFetch } from '@sluice/client'
import {
  expectPolite,
  mockApi,
  type PoliteClient,
  PolitenessError,
  type PoliteReport,
  type PresetName,
} from '@sluice/testing'
import got from 'got'
import ky from 'ky'
import OpenAI from 'openai'
import { Agent, RetryAgent, request } from 'undici'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

const api = createFetch()
const dispatcher = new RetryAgent(new Agent())
const messages = [{ role: 'user' as const, content: 'hello' }]

interface Client {
  readonly name: string
  /** Where it is installed; ours has no version yet. */
  readonly folder?: string
  readonly preset?: PresetName
  readonly call: PoliteClient
}

/** As each is by default. */
const clients: readonly Client[] = [
  { name: '@sluice/client', call: async (url, { signal }) => (await api(url, { signal })).text() },
  {
    name: 'openai',
    folder: 'openai',
    preset: 'openai',
    call: (url, { signal }) =>
      new OpenAI({ baseURL: url, apiKey: 'key' }).chat.completions.create({ model: 'm', messages }, { signal }),
  },
  {
    name: '@anthropic-ai/sdk',
    folder: '@anthropic-ai/sdk',
    preset: 'anthropic',
    call: (url, { signal }) =>
      new Anthropic({ baseURL: url, apiKey: 'key' }).messages.create(
        { model: 'm', max_tokens: 9, messages },
        { signal },
      ),
  },
  { name: 'ky', folder: 'ky', call: (url, { signal }) => ky(url, { signal }).text() },
  { name: 'got', folder: 'got', call: (url, { signal }) => got(url, { signal }).text() },
  {
    name: 'undici `RetryAgent`',
    folder: 'undici',
    call: async (url, { signal }) => (await request(url, { signal, dispatcher })).body.text(),
  },
]

async function measured({ preset, call }: Client): Promise<PoliteReport> {
  const mock = await mockApi({ preset })
  try {
    return await expectPolite(call, mock)
  } catch (error) {
    if (error instanceof PolitenessError) return error.report
    throw error
  } finally {
    await mock.close()
  }
}

function versioned({ name, folder }: Client): string {
  if (folder === undefined) return name
  const { version } = JSON.parse(readFileSync(`${root}node_modules/${folder}/package.json`, 'utf8'))
  return `${name} ${String(version).split('.')[0]}`
}

/** The column of a client. */
function column(client: Client, { checks }: PoliteReport): readonly string[] {
  return [versioned(client), ...checks.map(({ passed }) => (passed ? 'yes' : 'no'))]
}

/** The cells of a table in a page, without the line under its head. */
function cells(markdown: string): readonly (readonly string[])[] {
  return markdown
    .trim()
    .split('\n')
    .filter((line) => !/^[|\s-]+$/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

/** Waits are measured: where a busy machine has spoiled one, it is measured once more, with nothing beside it. */
const MOST_ATTEMPTS = 3

describe('the table of clients in docs/testing-clients.md', () => {
  it('is what expectPolite measures', { timeout: 120_000 }, async () => {
    const page = readFileSync(`${root}docs/testing-clients.md`, 'utf8')
    const [, shown = ''] = /<!-- clients -->\n([\s\S]*?)<!-- \/clients -->/.exec(page) ?? []
    const rows = cells(shown)
    // Three at a time, since they share this process.
    const [one, other] = [clients.slice(0, 3), clients.slice(3)]
    const reports = [...(await Promise.all(one.map(measured))), ...(await Promise.all(other.map(measured)))]
    expect(rows.map(([title]) => title).slice(1)).toEqual(reports[0]?.checks.map(({ title }) => title))
    for (const [i, client] of clients.entries()) {
      const expected = rows.map((row) => row[i + 1])
      let report = reports[i] ?? { checks: [] }
      for (
        let attempt = 1;
        attempt < MOST_ATTEMPTS && !isDeepStrictEqual(column(client, report), expected);
        attempt++
      ) {
        report = await measured(client)
      }
      const details = report.checks.map(({ name, detail }) => `${name}: ${detail}`)
      expect(column(client, report), details.join('\n')).toEqual(expected)
    }
  })
})

describe.concurrent('expectPolite()', () => {
  it('resolves with the report of a client that passes', async () => {
    const report = await expectPolite((url, { signal }) => fetch(url, { signal }), undefined, {
      skip: ['exhausted-quota', 'shared-wait', 'herd', 'backoff', 'jitter', 'retry-limit'],
    })
    expect(report.checks.map(({ name, passed }) => [name, passed])).toEqual([
      ['retry-after-seconds', true],
      ['retry-after-date', true],
      ['wrong-clock', true],
      ['abort', true],
      ['bad-request', true],
    ])
  })

  it('rejects with a sentence for each check that failed', async () => {
    const insists: PoliteClient = async (url) => {
      for (let attempt = 0; attempt < 3; attempt++) if ((await fetch(url)).ok) return
    }
    const skip = ['retry-after-date', 'wrong-clock', 'herd', 'jitter', 'exhausted-quota', 'shared-wait'] as const
    const error = await expectPolite(insists, undefined, { skip }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'PolitenessError', code: 'SLUICE_IMPOLITE' })
    expect(String(error)).toMatch(
      /The client is not polite: 3 of 5 checks failed\.\n- retry-after-seconds: It came back \d+ ms after/,
    )
    expect(String(error)).toMatch(/\n- backoff: It retried a 503 at once/)
    expect(String(error)).toMatch(/\n- bad-request: It sent 3 requests, all of which were answered with 400\./)
  })

  it('fails a client that sends nothing, with its error', async () => {
    const skip = ['abort', 'backoff', 'jitter', 'retry-limit'] as const
    for (const thrown of [undefined, new Error('not configured')]) {
      const broken = expectPolite(() => Promise.reject(thrown), undefined, { skip })
      await expect(broken).rejects.toThrow(/7 of 7 checks failed/)
      await expect(broken).rejects.toThrow(
        /It sent no request to the URL that it was given: (?:undefined|not configured)/,
      )
    }
  })

  it('speaks the dialect of the mock that it is given, and leaves it alone', async () => {
    const mock = await mockApi({ preset: 'stripe', limits: '1/min', respond: () => ({ body: { own: true } }) })
    const { checks } = await expectPolite((url) => fetch(url), mock, {
      skip: [
        'retry-after-seconds',
        'retry-after-date',
        'wrong-clock',
        'abort',
        'backoff',
        'jitter',
        'retry-limit',
        'herd',
      ],
    }).catch(({ report }) => report)
    expect(checks[0]).toMatchObject({ name: 'exhausted-quota', detail: 'This API does not say what remains.' })
    expect(mock.requests).toEqual([])
    await mock.close()
  })

  it.each([
    ['https://api.example.com', undefined, {}, /takes a function that makes a call/],
    [fetch, {}, {}, /takes a mock that mockApi\(\) has made/],
    [
      fetch,
      undefined,
      { skip: ['jiter'] },
      /skip: expected a list of checks out of retry-after-seconds, .* got "jiter"/,
    ],
    [fetch, undefined, { skip: 'jitter' }, /skip: expected a list of checks/],
    [fetch, undefined, { only: [] }, /no option "only"/],
  ])('refuses %s, %j, %j', async (client, mock, options, message) => {
    await expect(expectPolite(client as PoliteClient, mock as never, options as never)).rejects.toThrow(message)
  })
})
