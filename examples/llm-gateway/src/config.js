import { readFileSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { parse } from 'yaml'
import { compileLimits } from './limits.js'

/** The configuration, read and compiled; `current` is swapped for a new one whenever the file is saved. */
export function loadConfig(path, log) {
  const holder = { current: read(path), close: () => watcher.close() }
  let timer
  // Editors write a new file in place of the old one: the folder is watched, not the file.
  const watcher = watch(dirname(path), (_event, name) => {
    if (name !== basename(path)) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      try {
        holder.current = read(path)
        log({ event: 'config', message: 'The new configuration is in force.' })
      } catch (error) {
        log({ event: 'config', message: `The old configuration stays: ${error.message}` })
      }
    }, 50)
  })
  watcher.unref()
  return holder
}

function read(path) {
  const text = readFileSync(path, 'utf8').replace(/\$\{(\w+)\}/g, (_all, name) => process.env[name] ?? '')
  const config = parse(text)
  for (const [name, { provider }] of Object.entries(config.models)) {
    if (config.providers[provider] === undefined) throw new Error(`models.${name}: there is no provider "${provider}".`)
  }
  for (const [alias, models] of Object.entries(config.aliases)) {
    const unknown = models.find((model) => config.models[model] === undefined)
    if (unknown !== undefined) throw new Error(`aliases.${alias}: there is no model "${unknown}".`)
  }
  for (const [key, { team, tier }] of Object.entries(config.keys)) {
    if (config.teams[team] === undefined) throw new Error(`keys.${key}: there is no team "${team}".`)
    if (config.tiers[tier] === undefined) throw new Error(`keys.${key}: there is no tier "${tier}".`)
  }
  return { ...config, compiled: compileLimits(config) }
}

/** The models that a name stands for, in the order in which they are tried. */
export function modelsOf(config, name) {
  return Object.hasOwn(config.aliases, name) ? config.aliases[name] : Object.hasOwn(config.models, name) ? [name] : []
}

/** What a name costs at most: which of an alias's models will answer is not known before. */
export function priceOf(config, name) {
  const prices = modelsOf(config, name).map((model) => config.models[model])
  if (prices.length === 0) return undefined
  return {
    input: Math.max(...prices.map(({ input }) => input)),
    output: Math.max(...prices.map(({ output }) => output)),
  }
}

/** What the largest of its models holds: smaller ones are left out for a request that is larger than theirs. */
export function contextOf(config, name) {
  const sizes = modelsOf(config, name).map((model) => config.models[model].context)
  return sizes.length === 0 ? undefined : Math.max(...sizes)
}
