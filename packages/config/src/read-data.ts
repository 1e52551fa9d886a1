import { complete, configError, type Problem, shown } from './problems.js'
import { checkFile } from './schema/check.js'
import type { ParsedFile } from './schema/file.js'
import { type Complaint, valueAt } from './schema/issues.js'
import { type SourceDocument, sourceDocument } from './source/document.js'
import type { Environment } from './source/environment.js'

/**
 * Reads a file of JSON or YAML.
 * @throws {ConfigError} with everything that is wrong, by line and column.
 */
export async function readData(file: string, text: string, environment: Environment): Promise<ParsedFile> {
  const source = sourceDocument(text, file.endsWith('.json') ? 'json' : 'yaml', environment)
  if (!source.readable) throw configError(file, source.problems)
  for (;;) {
    const value = source.value()
    const { file: parsed, complaints } = await checkFile('data', value)
    // Whether a variable's text is to be a number shows only where the text did not fit.
    if (complaints.filter(({ path }) => source.convert(path)).length > 0) continue
    const problems = withoutSequels(
      source.problems,
      complaints.map((complaint) => problemOf(complaint, value, source)),
    )
    if (parsed === undefined || problems.length > 0) throw configError(file, problems)
    return parsed
  }
}

/** Where a variable is missing, its text is not wrong as well. */
function withoutSequels(problems: readonly Problem[], others: readonly Problem[]): Problem[] {
  const known = new Set(problems.map(({ place }) => `${place?.line}:${place?.col}`))
  return [...problems, ...others.filter(({ place }) => !known.has(`${place?.line}:${place?.col}`))]
}

/** A complaint with its place, in which no value of a variable is shown: it may be a password. */
function problemOf(complaint: Complaint, value: unknown, source: SourceDocument): Problem {
  const { path, part } = complaint
  const variables = part === 'value' ? source.variables(path) : []
  const names = variables.map((name) => `\${${name}}`).join(' and ')
  const read = valueAt(value, path)
  const got =
    names === '' || (typeof read === 'object' && complaint.withoutQuotes === undefined)
      ? shown(read)
      : `the value of ${names}`
  const { sentence, withoutQuotes = sentence } = complaint
  return { path, place: source.place(path, part), sentence: complete(names === '' ? sentence : withoutQuotes, got) }
}
