import { readFileSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { createLimiter } from '@sluice/express'
import { parse } from 'yaml'
import { FORMATS } from './formats/formats.js'
import { compileLimits, limitsOf } from './limits.js'

/**
 * The configuration, read, checked and compiled. `current` is swapped for a new one whenever the file is saved; a request keeps the one that it
 * came under.
 */
export function loadConfig(path, log, onReload) {
  const holder = { current: read(path), close: () => watcher.close() }
  let timer
  // Editors write a new file in place of the old one: the folder is watched, not the file.
  const watcher = watch(dirname(path), (_event, name) => {
    if (name !== basename(path)) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      try {
        holder.current = read(path)
        onReload()
        log({ event: 'config', message: 'The new configuration is in force.' })
      } catch (error) {
        log({ event: 'config', message: `The old configuration stays: ${error.message}` })
      }
    }, 50)
  })
  watcher.on('error', (error) => log({ event: 'config', message: `The file is no longer watched: ${error.message}` }))
  watcher.unref()
  return holder
}

function read(path) {
  const text = readFileSync(path, 'utf8').replace(/\$\{(\w+)\}/g, (_all, name) => process.env[name] ?? '')
  const config = parse(text)
  for (const section of ['providers', 'models', 'aliases', 'tiers', 'teams', 'keys']) {
    expect(isRecord(config?.[section]), section, 'names and what they stand for')
  }
  const { providers, models, aliases, tiers, teams, keys } = config
  for (const [name, provider] of Object.entries(providers)) {
    expect(
      isRecord(provider) && provider.format in FORMATS,
      `providers.${name}.format`,
      Object.keys(FORMATS).join(' or '),
    )
    expect(URL.canParse(provider.url), `providers.${name}.url`, 'a URL')
  }
  for (const [name, model] of Object.entries(models)) {
    expect(isRecord(model) && model.provider in providers, `models.${name}.provider`, 'one of the providers')
    for (const number of ['input', 'output', 'context']) {
      expect(Number.isFinite(model[number]) && model[number] >= 0, `models.${name}.${number}`, 'a number')
    }
  }
  for (const [alias, list] of Object.entries(aliases)) {
    expect(
      Array.isArray(list) && list.length > 0 && list.every((model) => model in models),
      `aliases.${alias}`,
      'a list of models',
    )
  }
  for (const [name, limits] of Object.entries(tiers)) {
    expect(
      Array.isArray(limits) && limits.some((limit) => /^[\d.]+[kM]?\//.test(limit)),
      `tiers.${name}`,
      'limits, one of them in requests',
    )
  }
  for (const [key, entry] of Object.entries(keys)) {
    expect(isRecord(entry) && entry.team in teams && entry.tier in tiers, `keys.${key}`, 'a team and a tier')
  }
  const compiled = compileLimits(config)
  // Each as a request would find it: two of one kind have one name.
  for (const tier of Object.keys(tiers)) {
    for (const team of Object.keys(teams)) {
      for (const model of [undefined, ...Object.keys(models)]) {
        const policies = limitsOf(compiled, { client: { tier, team }, model, isCached: false })
        createLimiter({ policies: policies.map(({ policy, name }) => ({ policy, name })) })
      }
    }
  }
  return { ...config, compiled }
}

function isRecord(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function expect(isRight, place, what) {
  if (!isRight) throw new Error(`${place}: expected ${what}.`)
}

/** The models that a name stands for, in the order in which they are tried. */
export function modelsOf(config, name) {
  if (Object.hasOwn(config.aliases, name)) return config.aliases[name]
  return Object.hasOwn(config.models, name) ? [name] : []
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

/** What the largest of its models holds: smaller ones are left out for a request that is larger than theirs. Of embeddings each text counts for itself. */
export function contextOf(config, name) {
  const models = modelsOf(config, name).map((model) => config.models[model])
  if (models.length === 0 || models.some(({ embeds }) => embeds)) return undefined
  return Math.max(...models.map(({ context }) => context))
}
