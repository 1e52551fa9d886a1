import type { DescribedLimit, DescribedPolicy } from '../limits/described-limit.js'
import { amount, list, policiesInWords } from '../limits/in-words.js'
import { code, table } from './blocks.js'

/** What limits are in front of: a route, or nothing that is known. */
export interface LimitedPlace {
  readonly method?: string
  readonly path?: string
  readonly limits: readonly DescribedLimit[]
}

/** A table of limits, with a row for each route and a column for each plan. */
export function limitsTable(places: readonly LimitedPlace[]): string {
  const plans = plansOf(places)
  const heads = ['Requests', ...(plans.length === 0 ? ['Limit'] : plans.map((plan) => `Plan ${plan}`))]
  const columns = plans.length === 0 ? [undefined] : plans
  const rows = places.map((place) => [nameOf(place), ...columns.map((plan) => cell(place, plan))])
  return ['## Limits', table(heads, rows), ...notes(places)].join('\n\n')
}

function plansOf(places: readonly LimitedPlace[]): readonly string[] {
  const policies = places.flatMap(({ limits }) => limits.flatMap((limit) => limit.policies))
  return [...new Set(policies.flatMap(({ plan }) => plan ?? []))]
}

function nameOf({ method, path, limits }: LimitedPlace): string {
  if (path === undefined) return list(limits.map(({ name }) => code(name)))
  return code(method === '*' ? path : `${method} ${path}`)
}

function cell({ limits }: LimitedPlace, plan: string | undefined): string {
  const lines = limits.flatMap((limit) => {
    if (limit.policies.length === 0) return ['depends on the client']
    const policies = limit.policies.filter((policy) => policy.plan === undefined || policy.plan === plan)
    return policies.length === 0 ? [] : [policiesInWords(policies)]
  })
  return lines.length === 0 ? 'none' : lines.join('<br>')
}

/** What a request counts as, where that is not one unit. */
function notes(places: readonly LimitedPlace[]): readonly string[] {
  const costs = places.flatMap((place) => {
    const words = [...new Set(place.limits.flatMap(({ policies }) => policies.flatMap(costInWords)))]
    return words.length === 0 ? [] : [`- Of ${nameOf(place)}, a request counts as ${list(words)}.`]
  })
  return costs.length === 0 ? [] : [costs.join('\n')]
}

function costInWords({ cost, unit }: DescribedPolicy): readonly string[] {
  if (cost !== undefined) return cost === 1 ? [] : [amount(cost, unit)]
  return unit === 'requests'
    ? ['one request or more, by what it asks for']
    : [`the ${unit.replace('-', ' ')} that it uses`]
}
