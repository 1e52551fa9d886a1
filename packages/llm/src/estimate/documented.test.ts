import { readFileSync } from 'node:fs'
import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base'
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base'
import { expect, it } from 'vitest'
import { textTokens } from './text-tokens.ts'
import { TEXTS } from './texts.test-helper.ts'

const page = readFileSync(new URL('../../../../docs/llm.md', import.meta.url), 'utf8')
const plain = { disallowedSpecial: new Set<string>() }

/** Two of the texts are files of this repository, which change. */
const TOLERANCE = 3

it.each(Object.entries(TEXTS))('docs/llm.md says how far the estimate of %s is off', (what, text) => {
  const row = page.split('\n').find((line) => line.startsWith(`| ${what} `))
  const documented = row?.match(/[+−]?\d+(?= %)/g)?.map((share) => Number(share.replace('−', '-')))
  const counted = o200k(text, plain)
  const measured = [textTokens(text) / counted, textTokens(text) / cl100k(text, plain), text.length / 4 / counted]
  expect(documented).toHaveLength(3)
  for (const [i, share] of measured.entries()) {
    expect(Math.abs((share - 1) * 100 - (documented?.[i] ?? Number.NaN))).toBeLessThanOrEqual(TOLERANCE)
  }
})
