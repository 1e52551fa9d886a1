import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'
import { anthropic } from './anthropic.js'
import { azure } from './azure.js'
import { github } from './github.js'
import { ietf } from './ietf.js'
import { legacy } from './legacy.js'
import { openai } from './openai.js'
import type { Preset, PresetName } from './preset.js'
import { stripe } from './stripe.js'

const PRESETS: ReadonlyMap<unknown, Preset> = new Map(
  Object.entries({ ietf, legacy, github, openai, anthropic, azure, stripe } satisfies Record<PresetName, Preset>),
)

/** @throws {ConfigError} on a name that no preset has. */
export function presetOf(name: PresetName): Preset {
  const preset = PRESETS.get(name)
  if (preset !== undefined) return preset
  const names = [...PRESETS.keys()].map((known) => `'${known}'`).join(', ')
  throw new ConfigError(`preset: expected one of ${names}, got ${shown(name)}.`)
}
