import fc from 'fast-check'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { parseRate, windowLabel } from './rate.ts'

describe('parseRate', () => {
  it.each([
    ['100/min', 100, 'requests', 60_000],
    ['5/15min', 5, 'requests', 900_000],
    ['10/s', 10, 'requests', 1_000],
    ['10/2sec', 10, 'requests', 2_000],
    ['1000/day', 1_000, 'requests', 86_400_000],
    ['1/500ms', 1, 'requests', 500],
    ['3/2weeks', 3, 'requests', 1_209_600_000],
    ['100k tokens/min', 100_000, 'tokens', 60_000],
    ['1.5M tokens/day', 1_500_000, 'tokens', 86_400_000],
    ['50MB/hour', 50_000_000, 'content-bytes', 3_600_000],
    ['1.5GB/day', 1_500_000_000, 'content-bytes', 86_400_000],
    ['900B/s', 900, 'content-bytes', 1_000],
    ['20k input tokens/min', 20_000, 'input-tokens', 60_000],
    ['4k output tokens/min', 4_000, 'output-tokens', 60_000],
    ['$50/day', 50_000_000, 'micro-dollars', 86_400_000],
    ['$0.000001/s', 1, 'micro-dollars', 1_000],
    ['$1.5k/week', 1_500_000_000, 'micro-dollars', 604_800_000],
    ['600 inference s/hour', 600_000, 'inference-ms', 3_600_000],
    ['1.5 inference s/min', 1_500, 'inference-ms', 60_000],
    ['0.5k requests/h', 500, 'requests', 3_600_000],
    ['10M content-bytes/hour', 10_000_000, 'content-bytes', 3_600_000],
    ['999999999999999/s', 10 ** 15 - 1, 'requests', 1_000],
  ])('reads %s', (text, quota, unit, windowMs) => {
    expect(parseRate(text)).toEqual({ quota, unit, windowMs })
  })

  it.each([
    ['100/mintue', `"100/mintue" is not a limit. Expected COUNT/WINDOW, as in '100/min'`],
    ['1.5/min', 'a count is a whole number'],
    ['0/min', 'a count is at least 1'],
    ['$0.0000001/s', 'dollars have at most 6 decimals'],
    ['$1000000000/s', 'dollars are at most 999,999,999'],
    ['0.0001 inference s/s', 'seconds have at most 3 decimals'],
    ['$0/s', 'a count is at least 1'],
    ['1000000000000000/s', 'a count is at most 10^15 − 1'],
  ])('says what is wrong with %s', (text, sentence) => {
    expect(() => parseRate(text)).toThrow(ConfigError)
    expect(() => parseRate(text)).toThrow(sentence)
  })

  it.each([
    '',
    '100',
    '/min',
    '-1/min',
    '1e3/min',
    ' 100/min',
    '100 /min',
    '100/ min',
    '100/0min',
    '01/min',
    'NaN/min',
    '$5B/min',
    '$5 tokens/min',
    '5 inference/min',
    '5 input/min',
  ])('refuses %o', (text) => {
    expect(() => parseRate(text)).toThrow(ConfigError)
  })

  it('agrees with the type on every string', () => {
    const word = (...words: string[]) => fc.constantFrom(...words)
    const count = fc.oneof(
      fc.nat(10 ** 9).map(String),
      fc.stringMatching(/^\d{0,17}$/),
      fc.stringMatching(/^\d{0,13}(\.\d{0,8})?$/),
    )
    const text = fc
      .tuple(
        word('', '', '', '', '$'),
        count,
        word('', '', '', '', 'k', 'M', 'K', 'G', 'B', 'kB', 'MB', 'GB', 'KB'),
        word('', '', ' tokens', ' requests', ' content-bytes', ' token', '  tokens', ' input tokens', ' inference s'),
        word('/', '/', '/', ' / ', ''),
        fc.oneof(word('', '', '15', '0', '03'), fc.stringMatching(/^\d{0,8}$/)),
        word(
          ...'ms s sec second seconds m min minute minutes h hour hours d day days w week weeks mintue'.split(' '),
          '',
        ),
      )
      .map((parts) => parts.join(''))
    const texts = fc.sample(fc.oneof({ weight: 9, arbitrary: text }, fc.string()), { numRuns: 2_000, seed: 20261124 })
    const byParser = texts.map((one) => accepts(one))
    expect(byParser.filter(Boolean).length).toBeGreaterThan(150)
    expect(byParser.filter((accepted) => !accepted).length).toBeGreaterThan(150)
    expect(byType(texts)).toEqual(byParser)
  })
})

describe('windowLabel', () => {
  it.each([
    [1_000, '1s'],
    [900_000, '15min'],
    [86_400_000, '1d'],
    [1_500, '1500ms'],
    [604_800_000, '1w'],
  ])('calls %i ms %s', (ms, label) => {
    expect(windowLabel(ms)).toBe(label)
  })
})

function accepts(text: string): boolean {
  try {
    parseRate(text)
    return true
  } catch {
    return false
  }
}

/** What the compiler says of each text, each on a line of its own. */
function byType(texts: readonly string[]): boolean[] {
  const path = `${import.meta.dirname}/verdicts.ts`
  const lines = texts.map((text) => `check(${JSON.stringify(text)})`)
  const source = [
    "import type { RateText } from './rate-text.ts'",
    'declare function check<const T extends string>(text: RateText<T>): void',
    ...lines,
  ].join('\n')
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    allowImportingTsExtensions: true,
    types: [],
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, getSourceFile } = host
  host.fileExists = (name) => name === path || fileExists(name)
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2023) : getSourceFile(name, ...rest)
  const program = ts.createProgram([path], options, host)
  const file = program.getSourceFile(path)
  const refused = new Set(
    program.getSemanticDiagnostics(file).map(({ start = 0 }) => source.slice(0, start).split('\n').length - 3),
  )
  return texts.map((_, index) => !refused.has(index))
}
