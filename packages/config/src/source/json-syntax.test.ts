import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import { jsonFault } from './json-syntax.ts'

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('jsonFault', () => {
  it('finds none in what JSON.parse accepts, of which YAML makes the same value', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 2, '\t'), (text, indent) => {
        const pretty = JSON.stringify(JSON.parse(text), null, indent)
        expect(jsonFault(pretty)).toBeUndefined()
        if (pretty.includes('__proto__') || pretty.includes('-0')) return
        expect(parseDocument(pretty, { schema: 'core', merge: true }).toJS()).toEqual(JSON.parse(pretty))
      }),
    )
  })

  it('finds one exactly where JSON.parse does', () => {
    const token = fc.constantFrom(
      ...'{}[],:"\\ \n\ttruefalsn0123-.eE'.split(''),
      'true',
      'null',
      '"a"',
      '1.5',
      '\\u00e9',
      '\u0001',
      'é',
    )
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const text = tokens.join('')
        expect(jsonFault(text) === undefined).toBe(isJson(text))
      }),
      { numRuns: 5_000 },
    )
  })
})
