// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the file, not of JavaScript
import { ConfigError } from '@sluice/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readData } from './read-data.ts'
import type { ParsedFile } from './schema/file.ts'

const yaml = (text: string, environment: Record<string, string | undefined> = {}): Promise<ParsedFile> =>
  readData(`${process.cwd()}/sluice.config.yaml`, text, environment)
const json = (text: string): Promise<ParsedFile> => readData(`${process.cwd()}/sluice.config.json`, text, {})

/** The lines of an error, without the name of the file. */
async function problems(reading: Promise<unknown>): Promise<string[]> {
  const error = await reading.then(
    () => expect.unreachable('was accepted'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ConfigError)
  return (error as ConfigError).message.split('\n').map((line) => line.replace(/^sluice\.config\.(?:yaml|json):/, ''))
}

describe('an error', () => {
  it.each([
    [
      'limits:\n  login: 5/15mintue',
      `2:10: limits.login: "5/15mintue" is not a limit. Expected COUNT/WINDOW, as in '100/min', '5/15min', '100k tokens/min', '50MB/hour' or '$5/day'; windows: ms, s, min, h, day, week.`,
    ],
    ['lmits: {}', '1:1: lmits: expected a known key, got "lmits". Did you mean "limits"?'],
    ['nothing: 1', '1:1: nothing: expected one of $schema, store, defaults, plans, limits, got an unknown key.'],
    ['store: 5', `1:8: store: expected a store's URL such as 'redis://localhost:6379', got 5.`],
    ['limits: [5/s]', '1:9: limits: expected an object with a limit for each name, got a list.'],
    ['limits:', '1:8: limits: expected an object with a limit for each name, got nothing.'],
    [
      'limits: { a: 5 }',
      "1:14: limits.a: expected a limit such as '5/15min', a policy, a list of them, or an object with policies or plan, got 5.",
    ],
    ['limits: { a: [] }', '1:14: limits.a: expected at least one policy, got an empty list.'],
    [
      'limits: { a: [7] }',
      "1:15: limits.a[0]: expected a limit such as '100/min', or an object such as { tokenBucket: '10/s', burst: 40 }, got 7.",
    ],
    ['limits: { a: {} }', '1:14: limits.a: expected policies or plan, got neither.'],
    [
      'plans: { p: 5/s }\nlimits: { a: { policies: 5/s, plan: header:x } }',
      '2:14: limits.a: expected policies or plan, got both.',
    ],
    [
      'limits: { a: { polices: 5/s } }',
      '1:16: limits.a.polices: expected a known key, got "polices". Did you mean "policies"?',
    ],
    [
      'limits: { a: { name: x, policies: 5/s } }',
      '1:16: limits.a.name: expected one of policies, plan, key, cost, id, keepIdsMs, skip, allow, block, ban, countDenied, delay, maxDebt, refund, warnAt, warnEvery, headers, response, deny, ipv6Prefix, shadow, timeoutMs, onStoreError, got an unknown key.',
    ],
    [
      'limits: { a: { tokenbucket: 5/s } }',
      '1:16: limits.a.tokenbucket: expected a known key, got "tokenbucket". Did you mean "tokenBucket"?',
    ],
    [
      'limits: { a: [{ tokenbucket: 5/s }] }',
      '1:15: limits.a[0]: expected an object with one of slidingWindow, fixedWindow, slidingLog, tokenBucket, leakyBucket, concurrency, adaptiveConcurrency, quota, got one without. Did you mean "tokenBucket"?',
    ],
    [
      'limits: { a: { tokenBucket: 5/s, brust: 5 } }',
      '1:34: limits.a.brust: expected a known key, got "brust". Did you mean "burst"?',
    ],
    [
      'limits: { a: { tokenBucket: 5/s, burst: 1.5 } }',
      '1:41: limits.a.burst: expected a whole number from 1 to 999999999999999, got 1.5.',
    ],
    [
      'limits: { a: { tokenBucket: 5/s, fixedWindow: 5/s } }',
      '1:14: limits.a: expected one constructor, got tokenBucket and fixedWindow.',
    ],
    [
      'limits: { a: { tokenBucket: 5 } }',
      '1:29: limits.a.tokenBucket: expected a limit as the text of tokenBucket, got 5.',
    ],
    [
      'limits: { a: { slidingLog: 50k/s } }',
      '1:14: limits.a: slidingLog(): a log remembers each take, so its quota is at most 10000, got 50000. For more, slidingWindow(…, { subWindows: 10 }) never passes the quota either.',
    ],
    [
      'limits: { a: [5/s, 6/s] }',
      `1:14: limits.a: policies: two are named "a-1s". Give one a name of its own, as in { policy: '10/s', name: 'short' }.`,
    ],
    [
      'limits: { a: { policies: 5/s, cost: two } }',
      '1:37: limits.a.cost: expected a whole number of units ≥ 0, got "two".',
    ],
    [
      'limits: { a: { policies: 5/s, key: [ip, header:x] } }',
      "1:36: limits.a.key: expected 'ip' as the last source, since it never fails, got a list.",
    ],
    [
      'limits: { a: { policies: 5/s, key: cookie:x } }',
      `1:36: limits.a.key: expected 'ip' or 'header:<name>', or a list of them that are tried in order, got "cookie:x".`,
    ],
    [
      'limits: { a: { policies: 5/s, key: "header:x y" } }',
      `1:36: limits.a.key: expected 'ip' or 'header:<name>', or a list of them that are tried in order, got "header:x y".`,
    ],
    [
      'limits: { a: { policies: 5/s, skip: x } }',
      '1:37: limits.a.skip: expected no skip, which is a function: only sluice.config.js and .ts can hold it, got "x".',
    ],
    ['limits: { a: { plan: header:x } }', '1:22: limits.a.plan: expected plans in this file, got none to choose from.'],
    ['limits: { "é": 5/s }', '1:11: limits["é"]: expected a name of 1 to 128 characters of printable ASCII, got "é".'],
    [
      'defaults: { headers: [draft, draft-7] }',
      "1:22: defaults.headers: 'draft' and 'draft-7' write the same fields; choose one.",
    ],
    [
      'defaults: { headers: darft }',
      '1:22: defaults.headers: expected draft, draft+pk, draft-7, draft-6, legacy, or a list of them, which may be empty, got "darft".',
    ],
    [
      'defaults: { warnAt: [0.5, 2] }',
      '1:27: defaults.warnAt[1]: expected a share above 0 and up to 1, as in 0.8, got 2.',
    ],
    [
      'defaults: { timeoutMs: .inf }',
      '1:24: defaults.timeoutMs: expected a whole number from 1 to 60000, got Infinity.',
    ],
    [
      'defaults: { onStoreError: closed }',
      `1:27: defaults.onStoreError: expected 'local', 'allow', 'deny', got "closed".`,
    ],
    ['defaults: { shadow: yes }', '1:21: defaults.shadow: expected true or false, got "yes".'],
    ['- 5/s', '1:1: expected an object with store, defaults, plans and limits, got a list.'],
    ['', '1:1: expected an object with store, defaults, plans and limits, got nothing.'],
    ['# nothing', '1:1: expected an object with store, defaults, plans and limits, got nothing.'],
    ['just a text', '1:1: expected an object with store, defaults, plans and limits, got "just a text".'],
  ])('of %j names the place, what was read and what was expected', async (text, line) => {
    expect(await problems(yaml(text))).toEqual([line])
  })

  it('has all problems, in the order of the file', async () => {
    expect(await problems(yaml('limits:\n  a: 5/x\n  b: { policies: 5/s, cost: -1 }\nstore: 1\n'))).toEqual([
      expect.stringMatching(/^2:6: limits\.a: /),
      expect.stringMatching(/^3:29: limits\.b\.cost: /),
      expect.stringMatching(/^4:8: store: /),
    ])
  })

  it('has ten problems at most, and counts the others', async () => {
    const lines = await problems(yaml(`limits:\n${Array.from({ length: 14 }, (_, i) => `  l${i}: x`).join('\n')}`))
    expect(lines).toHaveLength(11)
    expect(lines.at(-1)).toBe('… and 4 more.')
  })

  it('shows no more than the beginning of a long value', async () => {
    const [line = ''] = await problems(yaml(`limits: { a: ${'x'.repeat(200_000)} }`))
    expect(line.length).toBeLessThan(300)
  })
})

describe('YAML', () => {
  it.each([
    ['limits:\n\tlogin: 5/s', ['2:1: expected spaces as indentation, got a tab.']],
    ['limits: {}\nlimits: {}', ['2:1: expected each key once, got limits again.']],
    [
      'limits: { a: 5/s, b: 5/x, a: 6/s }',
      [expect.stringMatching(/^1:22: limits\.b: /), '1:27: expected each key once, got a again.'],
    ],
    ['store: !secret x', [expect.stringMatching(/^1:8: expected YAML, got what is none: Unresolved tag: !secret\.$/)]],
    ['store: !!binary aGVsbG8=', [expect.stringMatching(/^1:8: expected YAML, got what is none: Unresolved tag/)]],
    ['a: 1\n---\nb: 2', ['2:1: expected one document, got a second one after ---.']],
    ['? [a]\n: 1', ['1:3: expected a text as key.']],
    ['limits: { ~: 5/s }', ['1:11: expected a text as key.']],
    ['store: *url', ['1:8: expected an anchor above, got *url, which has none.']],
    ['limits: &l { a: *l }', ['1:17: expected an anchor that is complete, got *l inside its own.']],
    ['limits: { <<: 5 }', [expect.stringMatching(/^1:1: expected aliases and merges that can be resolved/)]],
    [
      'limits: { a: ${RATE} }',
      [
        expect.stringMatching(
          /^1:15: expected YAML, got what is none: .* Inside \{ \} and \[ \], quote variables: '\$\{NAME\}'\.$/,
        ),
      ],
    ],
    ['store: "memory:', [expect.stringMatching(/^1:16: expected YAML/)]],
    ['__proto__: { store: x }', ['1:1: expected a key other than __proto__.']],
    ['limits: { __proto__: 5/s }', ['1:11: expected a key other than __proto__.']],
    ['\u0000\u0001\u0002', [expect.stringMatching(/^1:1: expected an object/)]],
  ])('refuses %j', async (text, lines) => {
    expect(await problems(yaml(text))).toEqual(lines)
    expect({}).not.toHaveProperty('store')
  })

  it('has anchors, aliases and merges, whose problems stand where they were written', async () => {
    const { limits } = await yaml('limits:\n  a: &a { policies: 5/s, cost: 2 }\n  b: *a\n  c: { <<: *a, cost: 3 }')
    expect(limits?.['b']).toEqual(limits?.['a'])
    expect(limits?.['c']).toMatchObject({ cost: 3, policies: [{ policy: { quota: 5 } }] })
    const text = 'limits:\n  a: &a { policies: 5/s, cost: x }\n  b: *a\n  c: { <<: *a }\n  d: { <<: [*a], warnAt: 0 }'
    expect(await problems(yaml(text))).toEqual([
      ...['a', 'b', 'c', 'd'].map(
        (name) => `2:32: limits.${name}.cost: expected a whole number of units ≥ 0, got "x".`,
      ),
      expect.stringMatching(/^5:26: limits\.d\.warnAt: /),
    ])
  })

  it('refuses aliases that multiply', async () => {
    const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`)
    expect(await problems(yaml(['a0: &a0 [x]', ...levels].join('\n')))).toEqual([
      expect.stringContaining('Excessive alias count indicates a resource exhaustion attack'),
    ])
  })

  it.each([
    ['brackets', '['.repeat(200_000)],
    ['braces', `limits: ${'{a: '.repeat(50_000)}`],
    ['dashes', '- '.repeat(100_000)],
    ['question marks', '? '.repeat(100_000)],
  ])('refuses %s without end, instead of ending the process', async (_, text) => {
    expect(await problems(yaml(text))).toEqual([
      expect.stringMatching(/^1:\d+: expected at most 100 levels, got more\.$/),
    ])
  })

  it('takes a name that every object has for a name', async () => {
    const { limits } = await yaml('limits: { constructor: 5/s, toString: 6/s }')
    expect(Object.keys(limits ?? {})).toEqual(['constructor', 'toString'])
  })

  it('takes a number for a name', async () => {
    expect(Object.keys((await yaml('limits: { 404: 5/s }')).limits ?? {})).toEqual(['404'])
    expect(await problems(yaml('limits: { 404: 5 }'))).toEqual([expect.stringMatching(/^1:16: limits\.404: /)])
  })

  it('never fails with anything but a ConfigError', async () => {
    const piece = fc.constantFrom(
      ...[
        'limits',
        'a',
        ':',
        ' ',
        '\n',
        '  ',
        '- ',
        '[',
        ']',
        '{',
        '}',
        '5/s',
        '&x ',
        '*x',
        '<<',
        '!t',
        '|',
        '"',
        "'",
        '${A}',
        '? ',
        ',',
        '#',
        '~',
        '%',
        '\t',
        '---\n',
        '$${',
      ],
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        await yaml(pieces.join(''), { A: 'x' }).catch((error: unknown) => expect(error).toBeInstanceOf(ConfigError))
      }),
      { numRuns: 500 },
    )
  })
})

describe('JSON', () => {
  it('may name its schema', async () => {
    expect(await json('{ "$schema": "./schema.json", "store": "memory:" }')).toMatchObject({ store: 'memory:' })
  })

  it('may be indented by tabs', async () => {
    expect((await json('{\n\t"limits": {\n\t\t"a": "5/s"\n\t}\n}')).limits).toHaveProperty('a')
  })

  it.each([
    ['{ "limits": { "a": "5/s", } }', '1:27: expected a key in double quotes, got "}".'],
    [
      '{ "store": "x" } // why',
      '1:18: expected nothing more, got "/". JSON has no comments; sluice.config.yaml may have them.',
    ],
    ["{ 'store': 1 }", `1:3: expected a key in double quotes or }, got "'". JSON has double quotes only.`],
    ['store: x', '1:1: expected a value (a text in double quotes, a number, true, false, null, { or [), got "s".'],
    [
      '',
      '1:1: expected a value (a text in double quotes, a number, true, false, null, { or [), got the end of the file.',
    ],
    ['{ "store": "x"', '1:15: expected a comma or the closing bracket, got the end of the file.'],
    ['{ "store": "x", "store": "y" }', '1:17: expected each key once, got "store" again.'],
    ['{\n  "limits": {\n    "a": "5/x"\n  }\n}', expect.stringMatching(/^3:10: limits\.a: "5\/x" is not a limit/)],
    ['{ "__proto__": 1 }', '1:3: expected a key other than __proto__.'],
    [`{ "a": ${'['.repeat(100_000)}${']'.repeat(100_000)} }`, '1:107: expected at most 100 levels, got more.'],
  ])('refuses %.60s', async (text, line) => {
    expect(await problems(json(text))).toEqual([line])
  })
})

describe('a variable', () => {
  it('stands for the text it has, also several in one text', async () => {
    const environment = { HOST: 'redis', PORT: '6379', RATE: '5/s' }
    const { store, limits } = await yaml('store: redis://${HOST}:${PORT}\nlimits: { a: "${RATE}" }', environment)
    expect(store).toBe('redis://redis:6379')
    expect(limits?.['a']).toMatchObject({ policies: [{ policy: { quota: 5 } }] })
  })

  it('is not read again in what another stands for', async () => {
    expect(await yaml('store: ${A}', { A: '${B}', B: 'no' })).toEqual({ store: '${B}' })
  })

  it('is text, whatever it has: quotes and lines change nothing else', async () => {
    const store = 'a"\nlimits: { evil: 1/s }\n\'b'
    expect(await yaml('store: ${A}', { A: store })).toEqual({ store })
  })

  it('is a literal with a second $', async () => {
    expect(await yaml('store: $${A} $5 $$ $${B}$${', { A: 'x' })).toEqual({ store: '${A} $5 $$ ${B}${' })
  })

  it('is no variable in a key', async () => {
    expect(Object.keys((await yaml('limits: { "${A}": 5/s }', { A: 'x' })).limits ?? {})).toEqual(['${A}'])
  })

  it('is a number or a boolean where one is expected', async () => {
    const text = 'defaults: { timeoutMs: "${MS}", shadow: "${SHADOW}", warnAt: ["${SHARE}"], cost: "${COST}" }'
    const environment = { MS: '250', SHADOW: 'true', SHARE: '0.8', COST: '0' }
    expect((await yaml(text, environment)).defaults).toEqual({ timeoutMs: 250, shadow: true, warnAt: [0.8], cost: 0 })
  })

  it('is a number in a policy, too, and stays a text as a name', async () => {
    const text = 'limits: { a: { tokenBucket: 5/s, burst: "${N}", name: "${N}" } }'
    expect((await yaml(text, { N: '40' })).limits?.['a']).toMatchObject({
      policies: [{ policy: { burst: 40, name: '40' } }],
    })
  })

  it('may be set and empty', async () => {
    expect(await yaml('store: ${A}', { A: '' })).toEqual({ store: '' })
  })

  it.each([
    ['store: ${A}', '1:8: store: expected a value for ${A}, but that environment variable is not set.'],
    [
      'limits: { a: ["${A}"] }',
      '1:15: limits.a[0]: expected a value for ${A}, but that environment variable is not set.',
    ],
    [
      'defaults: { timeoutMs: "${A}" }',
      '1:24: defaults.timeoutMs: expected a value for ${A}, but that environment variable is not set.',
    ],
    ['store: ${toString}', '1:8: store: expected a value for ${toString}, but that environment variable is not set.'],
    ['store: ${__proto__}', '1:8: store: expected a value for ${__proto__}, but that environment variable is not set.'],
    [
      'store: ${A:-b}',
      '1:8: store: expected a variable such as ${SLUICE_STORE} (a literal ${ is written $${), got ${A:-b}.',
    ],
    ['store: ${}', '1:8: store: expected a variable such as ${SLUICE_STORE} (a literal ${ is written $${), got ${}.'],
    ['store: x${A', '1:8: store: expected a variable such as ${SLUICE_STORE} (a literal ${ is written $${), got ${A.'],
  ])('is refused where it is missing or malformed: %s', async (text, line) => {
    expect(await problems(yaml(text))).toEqual([line])
  })

  it.each([
    [
      'limits: { a: "${S}" }',
      '1:14: limits.a: expected a limit that slidingWindow accepts, such as 100/min, got the value of ${S}.',
    ],
    [
      'limits: { a: { tokenBucket: "${S}" } }',
      '1:14: limits.a: expected a limit that tokenBucket accepts, such as 100/min, got the value of ${S}.',
    ],
    [
      'limits: { a: { tokenBucket: 5/s, burst: "${S}" } }',
      '1:41: limits.a.burst: expected a whole number from 1 to 999999999999999, got the value of ${S}.',
    ],
    [
      'limits: { a: { tokenBucket: 5/s, name: "${S}" } }',
      '1:40: limits.a.name: expected a name of 1 to 128 characters of printable ASCII, got the value of ${S}.',
    ],
    [
      'defaults: { headers: "x${S}" }',
      expect.stringMatching(/^1:22: defaults\.headers: expected draft, .* got the value of \$\{S\}\.$/),
    ],
    [
      'defaults: { headers: [ "${S}" ] }',
      expect.stringMatching(/^1:24: defaults\.headers\[0\]: expected .* got the value of \$\{S\}\.$/),
    ],
    ['defaults: "${S}"', '1:11: defaults: expected an object with the defaults of all limits, got the value of ${S}.'],
    ['limits: "${S}"', '1:9: limits: expected an object with a limit for each name, got the value of ${S}.'],
    ['"${S}"', '1:1: expected an object with store, defaults, plans and limits, got the value of ${S}.'],
    [
      'limits: { a: [{ tokenBucket: 5/s, name: "${T}" }, { tokenBucket: 6/s, name: "${T}" }] }',
      '1:14: limits.a: expected policies that can be told apart, got the value of ${T}.',
    ],
    [
      'plans: { p: 5/s }\nlimits: { a: { plan: "${S}" } }',
      "2:22: limits.a.plan: expected 'header:<name>', got the value of ${S}.",
    ],
  ])('never shows its value: %s', async (text, line) => {
    const lines = await problems(yaml(text, { S: 'hunter2-é', T: 'hunter2' }))
    expect(lines).toEqual([line])
    expect(lines.join()).not.toContain('hunter2')
  })
})
