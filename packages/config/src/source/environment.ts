/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A text with its variables filled in. */
export interface Substituted {
  readonly text: string
  /** The variables it contains. */
  readonly names: readonly string[]
  /** The text is one variable and nothing else, so it may stand for a number or a boolean. */
  readonly whole: boolean
  /** What is wrong, a sentence each. */
  readonly faults: readonly string[]
}

/** `$${`, which is a literal `${`; a reference; or the beginning of one that is never closed. */
const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Fills in `${NAME}`, several in a text; `$${` is a literal `${`. */
export function substitute(text: string, environment: Environment): Substituted {
  const names: string[] = []
  const faults: string[] = []
  const filled = text.replace(REFERENCE, (found: string, name: string | undefined, end: string | undefined) => {
    if (name === undefined) return '${'
    if (end === '' || !NAME.test(name)) {
      const read = found.length > 40 ? `${found.slice(0, 37)}…` : found
      faults.push(`expected a variable such as \${SLUICE_STORE} (a literal \${ is written $\${), got ${read}.`)
      return found
    }
    names.push(name)
    // An object's own only: `toString` is no variable.
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined
    if (value === undefined) faults.push(`expected a value for \${${name}}, but that environment variable is not set.`)
    return value ?? found
  })
  return { text: filled, names, whole: names.length === 1 && text === `\${${names[0]}}`, faults }
}

/** The number or boolean that a variable's text stands for where the text itself does not fit. */
export function converted(text: string): number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined
}
