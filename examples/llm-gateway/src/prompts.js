import { existsSync, readFileSync } from 'node:fs'

/** A prompt is a file, `prompts/NAME/VERSION.txt`: what has been run once is never changed, but followed by a version. */
export function promptOf(folder, name, version) {
  if (!/^[\w-]{1,50}$/.test(name) || !/^\d{1,6}$/.test(version)) return undefined
  const path = `${folder}/${name}/${version}.txt`
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
}

/** Puts the variables in; what is missing, or no text, is named. */
export function filled(template, variables) {
  const missing = []
  const text = template.replace(/\{\{(\w+)\}\}/g, (_all, name) => {
    const value =
      typeof variables === 'object' && variables !== null && Object.hasOwn(variables, name)
        ? variables[name]
        : undefined
    if (typeof value === 'string' || typeof value === 'number') return String(value)
    missing.push(name)
    return ''
  })
  return { text, missing }
}
