import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { jsonSchema } from './schema/json-schema.ts'

const file = new URL('../schema.json', import.meta.url)

const UPDATE =
  'schema.json is stale. Run: SLUICE_WRITE_SCHEMA=1 npx vitest run packages/config/src/schema.test.ts && ' +
  'npx biome check --write packages/config/schema.json'

describe('schema.json', () => {
  it('is made of the schemas that check a file', () => {
    if (process.env['SLUICE_WRITE_SCHEMA'] !== undefined) writeFileSync(file, JSON.stringify(jsonSchema(), null, 2))
    expect(JSON.parse(readFileSync(file, 'utf8')), UPDATE).toEqual(jsonSchema())
  })

  it('describes every property', () => {
    const properties = propertiesIn(jsonSchema()).filter(([, schema]) => !('allOf' in schema))
    expect(properties.length).toBeGreaterThan(60)
    expect(properties.filter(([, { description = '' }]) => description === '').map(([name]) => name)).toEqual([])
  })

  it('has no functions, which a file cannot hold', () => {
    expect(propertiesIn(jsonSchema()).map(([name]) => name)).not.toContain('skip')
  })
})

/** All properties of all objects in a schema. */
function propertiesIn(schema: unknown): [string, Readonly<Record<string, unknown>>][] {
  if (typeof schema !== 'object' || schema === null) return []
  const own = 'properties' in schema ? Object.entries(schema.properties as Record<string, Record<string, unknown>>) : []
  return [...own, ...Object.values(schema).flatMap(propertiesIn)]
}
