import * as z from 'zod'
import { fileSchema } from './file.js'
import { help } from './help.js'

type JsonSchema = Readonly<Record<string, unknown>>

/** What editors know of a file: `schema.json`, in draft 7, the newest that all of them read. */
export function jsonSchema(): JsonSchema {
  const schema: JsonSchema = z.toJSONSchema(fileSchema('data'), { target: 'draft-07', io: 'input', metadata: help })
  const { definitions, ...file } = children(schema)
  return { ...file, definitions: { ...(isObject(definitions) ? definitions : {}), variable: VARIABLE } }
}

const VARIABLE: JsonSchema = {
  type: 'string',
  pattern: String.raw`^\$\{[A-Za-z_][A-Za-z0-9_]*\}$`,
  description: 'A variable of the environment.',
}

/** A file is checked when its variables are filled in, but edited before that: each may stand where its value may. */
function withVariables(schema: JsonSchema): JsonSchema {
  const { pattern, description, ...others } = children(schema)
  const said = description === undefined ? {} : { description }
  if (typeof pattern === 'string') return { ...others, pattern: String.raw`${pattern}|\$\{`, ...said }
  if (!['integer', 'number', 'boolean'].includes(String(others['type'])) && !('enum' in others))
    return { ...others, ...said }
  return { anyOf: [others, { $ref: '#/definitions/variable' }], ...said }
}

/** The schemas in a schema; names are taken as they are. */
function children(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (Array.isArray(value)) return [keyword, value.map((one) => (isObject(one) ? withVariables(one) : one))]
      if (!isObject(value) || keyword === 'propertyNames') return [keyword, value]
      return [keyword, keyword === 'properties' || keyword === 'definitions' ? possible(value) : withVariables(value)]
    }),
  )
}

/** The properties that can have a value: functions cannot. */
function possible(properties: JsonSchema): JsonSchema {
  const schemas = Object.entries(properties).filter((entry): entry is [string, JsonSchema] => isObject(entry[1]))
  return Object.fromEntries(
    schemas.filter(([, one]) => !('not' in one)).map(([name, one]) => [name, withVariables(one)]),
  )
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
