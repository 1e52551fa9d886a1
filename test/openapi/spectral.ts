import spectralCore, { type RulesetDefinition } from '@stoplight/spectral-core'
import owasp from '@stoplight/spectral-owasp-ruleset'

/** The rules of Spectral's OWASP ruleset that are about rate limits. */
export const RATE_LIMIT_RULES = [
  'owasp:api4:2023-rate-limit',
  'owasp:api4:2023-rate-limit-retry-after',
  'owasp:api4:2023-rate-limit-responses-429',
] as const

/** Its types know its own release of Spectral. */
const ruleset = owasp as unknown as RulesetDefinition

const spectral = new spectralCore.Spectral()
spectral.setRuleset({
  extends: [[ruleset, 'off']],
  rules: Object.fromEntries(RATE_LIMIT_RULES.map((rule) => [rule, 'error'])),
})

/** What these rules complain of: the rule and the place. */
export async function complaints(document: object): Promise<readonly string[]> {
  const results = await spectral.run(structuredClone(document) as Record<string, unknown>)
  return results.map(({ code, path }) => `${String(code)} ${path.join('.')}`)
}
