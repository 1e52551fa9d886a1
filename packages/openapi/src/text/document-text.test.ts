import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { documentLimits } from '../document/document-limits.js'
import { describeLimits } from '../limits/describe-limits.js'
import type { LimitedRoute } from '../routes/limited-route.js'
import { documentText } from './document-text.js'

const routes: readonly LimitedRoute[] = [
  { method: 'GET', path: '/a', limits: describeLimits({ limits: { login: '5/min' } }) },
]

/** What a text becomes, checked against what its document becomes. */
function limited(text: string): string {
  const after = documentText(text, routes)
  const before = parse(text, { merge: true })
  expect(parse(after, { merge: true })).toEqual(documentLimits(before, routes))
  expect(documentText(after, routes)).toBe(after)
  return after
}

describe('documentText', () => {
  it('indents as the text does, and names statuses as their neighbours', () => {
    const text = [
      'openapi: 3.1.0',
      'paths:',
      '    /a:',
      '        get:',
      '            tags:',
      '            - one',
      '            responses:',
      '                200:',
      '                    description: Fine. # really',
      '',
      'x-last: true # the end',
      '',
    ].join('\n')
    const after = limited(text)
    expect(after).toContain(
      [
        '                200:',
        '                    description: Fine. # really',
        '                    headers:',
        '                        RateLimit:',
        "                            $ref: '#/components/headers/RateLimit'",
      ].join('\n'),
    )
    expect(after).toContain("                429:\n                    $ref: '#/components/responses/RateLimited'\n")
    expect(after).toContain('x-last: true # the end\ncomponents:\n    headers:\n')
    expect(documentText(after, [])).toBe(text)
  })

  it('keeps the line breaks of Windows, and a text that ends without one', () => {
    const text =
      'openapi: 3.1.0\r\npaths:\r\n  /a:\r\n    get:\r\n      description: |\r\n        One.\r\n\r\n        Two.\r\n      responses: {}'
    const after = limited(text)
    expect(after.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    expect(documentText(after, []).trimEnd()).toBe(text)
  })

  it.each([
    ['a plain text', 'Signs in. # why', 'Signs in.'],
    ['a quoted text', '"Signs: in."', 'Signs: in.'],
    ['a block', '|\n        Signs\n        in.', 'Signs\nin.\n'],
    ['a folded block', '>-\n        Signs\n        in.', 'Signs in.'],
    ['a block with lines at its end', '|+\n        Signs in.\n', 'Signs in.\n\n'],
    ['a text over two lines', 'Signs\n        in.', 'Signs in.'],
  ])('adds its sentence to %s', (_, yaml, text) => {
    const after = limited(`openapi: 3.1.0\npaths:\n  /a:\n    get:\n      description: ${yaml}\n      summary: Last\n`)
    expect(parse(after).paths['/a'].get.description).toMatch(
      /^Signs:? ?\n?in\.\n\n\*\*Rate limit:\*\* 5 requests per minute/,
    )
    expect(after.includes('# why')).toBe(yaml.includes('# why'))
    expect(parse(documentText(after, [])).paths['/a'].get.description).toBe(text)
  })

  it('takes a document in one line', () => {
    const text =
      '{ openapi: 3.1.0, paths: { /a: { get: { description: Hi, responses: { 200: { description: Fine } } } } } }\n'
    expect(documentText(limited(text), [])).toBe(text)
  })

  it('changes what an alias stands for only where the limit is', () => {
    const after = limited(
      'openapi: 3.1.0\nx-fine: &fine\n  description: Fine.\npaths:\n  /a:\n    get: &op\n      responses: { 200: *fine }\n  /b:\n' +
        '    get: *op\n  /c:\n    get:\n      <<: *op\n      summary: C\n',
    )
    const { paths, 'x-fine': fine } = parse(after, { merge: true })
    expect(fine).toEqual({ description: 'Fine.' })
    expect(paths['/a'].get['x-ratelimit']).toBeDefined()
    expect(paths['/b'].get).toEqual({ responses: { 200: { description: 'Fine.' } } })
    expect(paths['/c'].get['x-ratelimit']).toBeUndefined()
  })

  it('refuses what is generated in one operation and merged into another', () => {
    const text =
      "openapi: 3.1.0\npaths:\n  /b:\n    get: &op\n      x-ratelimit: { x-generated-by: '@sluice/openapi' }\n  /c:\n    get:\n      <<: *op\n"
    expect(() => documentText(text, routes)).toThrow(/share parts by anchors or merge keys of YAML/)
  })

  it('fills what is empty', () => {
    expect(limited('openapi: 3.1.0\ncomponents:\npaths:\n  /a:\n    get:\n')).toBe(
      'openapi: 3.1.0\ncomponents:\npaths:\n  /a:\n    get:\n',
    )
    expect(limited('openapi: 3.1.0\ncomponents: {}\npaths:\n  /a:\n    get: {}\n')).toContain(
      'x-ratelimit:\n        x-generated-by:',
    )
  })

  it.each(['  ', '    ', '\t'])('keeps the indentation %j of JSON', (indentation) => {
    const document = { openapi: '3.1.0', paths: { '/a': { get: { responses: {} } } } }
    const text = `${JSON.stringify(document, null, indentation)}\n`
    const after = documentText(text, routes)
    expect(after).toBe(`${JSON.stringify(documentLimits(document, routes), null, indentation)}\n`)
    expect(documentText(after, routes)).toBe(after)
    expect(documentText(after, [])).toBe(text)
  })

  it('keeps JSON in one line, without a line break at its end', () => {
    const text = '{"openapi":"3.1.0","paths":{"/a":{"get":{}}}}'
    expect(documentText(text, routes)).not.toContain('\n')
  })

  it.each([
    ['openapi: [', /^documentText\(\): the text is neither YAML nor JSON: /],
    ['openapi: 3.1.0\nopenapi: 3.1.0\n', /Map keys must be unique/],
    ['just text', /expected a parsed OpenAPI document.*got "just text"/],
    ['', /got null/],
    ['swagger: "2.0"', /got Swagger "2.0"/],
  ])('refuses %j', (text, message) => {
    expect(() => documentText(text, routes)).toThrow(message)
  })

  it('refuses what is no text', () => {
    expect(() => documentText({} as never, routes)).toThrow(
      'documentText(): expected the text of a document, got an object.',
    )
  })

  it('refuses aliases that would become gigabytes', () => {
    const bomb = [
      'a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]',
      ...Array.from('bcdefg', (name, i) => {
        const other = `*${'abcdef'[i]}`
        return `${name}: &${name} [${Array(10).fill(other).join(', ')}]`
      }),
    ].join('\n')
    expect(() => documentText(`openapi: 3.1.0\n${bomb}`, routes)).toThrow(/alias/i)
  })
})
