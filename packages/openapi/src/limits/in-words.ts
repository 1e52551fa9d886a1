import type { Unit } from '@sluice/core'
import type { DescribedLimit, DescribedPolicy } from './described-limit.js'

/** `5 requests per 15 minutes`, `10,000 requests per calendar month`, `2 requests at a time`. */
export function rateInWords(policy: DescribedPolicy): string {
  const { quota, unit, window, period } = policy
  if (unit === 'concurrent-requests') return `${amount(quota, 'requests')} at a time`
  if (period === 'lifetime') return `${amount(quota, unit)} in all`
  if (period !== undefined) return `${amount(quota, unit)} per calendar ${period}`
  return `${amount(quota, unit)} per ${duration(window ?? 0)}`
}

/** `for each client address`: whose quota it is. */
export function keyInWords({ key, policy }: DescribedPolicy): string {
  if (policy.lease?.shared === true && key === 'ip') return 'for each client address, shared'
  if (key === 'ip') return 'for each client address'
  if (key === 'custom') return 'for each client'
  const sources = key.split(', ').map((source) => {
    const header = /^header:(?<name>.+)$/.exec(source)?.groups?.['name']
    return header === undefined ? (source === 'ip' ? 'client address' : source) : `\`${header}\` header`
  })
  return `for each ${sources.join(' or ')}`
}

/** One sentence or several about all limits of an operation. */
export function limitsInWords(limits: readonly DescribedLimit[]): string {
  const policies = limits.flatMap((limit) => limit.policies)
  const always = policies.filter(({ plan }) => plan === undefined)
  const plans = [...new Set(policies.flatMap(({ plan }) => plan ?? []))]
  const sentences = [
    ...(always.length === 0 ? [] : [`${policiesInWords(always)}.`]),
    ...plans.map((plan) => `Plan ${plan}: ${policiesInWords(policies.filter((policy) => policy.plan === plan))}.`),
    ...(limits.some((limit) => limit.policies.length === 0) ? ['The limit depends on the client.'] : []),
    ...costs(policies),
  ]
  return sentences.join(' ')
}

/** `10 requests per second and 1,000 requests per day for each client address`: those of one key together. */
export function policiesInWords(policies: readonly DescribedPolicy[]): string {
  const keys = [...new Set(policies.map(keyInWords))]
  return keys
    .map((key) => `${list(policies.filter((policy) => keyInWords(policy) === key).map(rateInWords))} ${key}`)
    .join('; ')
}

/** What one request takes, where that is not one unit. */
function costs(policies: readonly DescribedPolicy[]): readonly string[] {
  const fixed = [
    ...new Set(policies.flatMap(({ cost, unit }) => (cost === undefined || cost === 1 ? [] : amount(cost, unit)))),
  ]
  return fixed.map((cost) => `A request counts as ${cost}.`)
}

/** `a`, `a and b`, `a, b and c`. */
export function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** The singular of each unit that is counted as it is. */
const NOUNS: Readonly<Record<string, string>> = {
  requests: 'request',
  tokens: 'token',
  'input-tokens': 'input token',
  'output-tokens': 'output token',
  'content-bytes': 'byte',
  'concurrent-requests': 'request',
}

/** `1 request`, `1,500 tokens`, `$0.25`, `1.5 seconds of inference`. */
export function amount(units: number, unit: Unit): string {
  if (unit === 'micro-dollars') return `$${(units / 1e6).toLocaleString('en', { maximumFractionDigits: 6 })}`
  if (unit === 'inference-ms') return `${units / 1000} seconds of inference`
  return `${units.toLocaleString('en')} ${NOUNS[unit] ?? unit}${units === 1 ? '' : 's'}`
}

const LENGTHS = [
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

/** `minute`, `15 minutes`, `500 milliseconds`: a window behind "per". */
export function duration(seconds: number): string {
  const [noun, length] = LENGTHS.find(([, one]) => seconds % one === 0) ?? (['millisecond', 0.001] as const)
  const count = Math.round(seconds / length)
  return count === 1 ? noun : `${count} ${noun}s`
}
