import type { Form } from './expectations.js'
import { fileSchema, type ParsedFile } from './file.js'
import { type Complaint, complaints, valueAt } from './issues.js'

/** A file as its schema finds it: parsed, or with complaints. */
export interface Checked {
  readonly file: ParsedFile | undefined
  readonly complaints: readonly Complaint[]
}

const SCHEMAS = { data: fileSchema('data'), code: fileSchema('code') }

/** Checks what a file holds, and makes its policies. */
export async function checkFile(form: Form, value: unknown): Promise<Checked> {
  const { data, error } = await SCHEMAS[form].safeParseAsync(value)
  if (data === undefined) return { file: undefined, complaints: complaints(error.issues, value) }
  const { plans, limits } = data
  const file = {
    ...data,
    plans: plans && inOrderOf(valueAt(value, ['plans']), plans),
    limits: limits && inOrderOf(valueAt(value, ['limits']), limits),
  }
  return { file, complaints: [] }
}

/** Entries are checked at the same time, and come in the order in which they are done. */
function inOrderOf<T>(original: unknown, entries: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(
    Object.keys(original ?? {}).flatMap((name) => {
      const entry = entries[name]
      return entry === undefined ? [] : [[name, entry]]
    }),
  )
}
