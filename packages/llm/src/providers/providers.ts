import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'
import { anthropic } from './anthropic.js'
import { gemini } from './gemini.js'
import { openai } from './openai.js'
import type { Provider, ProviderName } from './provider.js'

const PROVIDERS: Readonly<Record<ProviderName, Provider>> = { openai, anthropic, gemini }

/** @throws {ConfigError} on a name that is not known. */
export function providerOf(name: ProviderName): Provider {
  const provider = typeof name === 'string' && Object.hasOwn(PROVIDERS, name) ? PROVIDERS[name] : undefined
  if (provider !== undefined) return provider
  throw new ConfigError(
    `provider: expected ${Object.keys(PROVIDERS)
      .map((known) => `'${known}'`)
      .join(', ')}, got ${shown(name)}. For an API that is ` +
      'like none of them, choose the one whose errors your clients understand, and give usage: (answer) => ….',
  )
}
