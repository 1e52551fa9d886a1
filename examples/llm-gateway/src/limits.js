import { concurrency, slidingWindow } from '@sluice/express'
import { quota } from '@sluice/quota'

/**
 * All limits of a configuration, made once: a request is decided by those of its key, its team, its model and of everybody, in one
 * step. Policies of the same name share their usage, so a key that changes its tier keeps what it has used.
 */
export function compileLimits(config) {
  const make = (scope, list, key, more = {}) =>
    [list ?? []].flat().map((given) => ({ ...policyOf(given, config.timeZone, scope), key, ...more }))
  const each = (all, of) => Object.fromEntries(Object.entries(all).map(([name, one]) => [name, of(name, one)]))
  return {
    global: make('global', config.limits, () => 'all'),
    models: each(config.models, (name, { limits }) => make('model', limits, () => name)),
    teams: each(config.teams, (name, { limits }) => make('team', limits, () => name)),
    tiers: each(config.tiers, (_name, limits) => make('key', limits, (req) => req.client.key)),
  }
}

/** What decides a request. A hit in the cache is no call: only requests are counted. */
export function limitsOf({ global, models, teams, tiers }, { client, model, isCached }) {
  const all = [...tiers[client.tier], ...teams[client.team], ...(models[model] ?? []), ...global]
  return isCached ? all.filter(({ name }) => name.includes('requests')) : all
}

function policyOf(given, timeZone, scope) {
  if (typeof given === 'string') return { policy: slidingWindow(given), name: `${scope} ${kindOf(given)}` }
  if (given.concurrency !== undefined) {
    return { policy: concurrency(given.concurrency), name: `${scope} concurrent calls` }
  }
  const plain = quota(given.quota, { timeZone })
  const overage = Math.floor(plain.quota * (given.overage ?? 0))
  return { policy: quota(given.quota, { timeZone, overage }), name: `${scope} ${kindOf(given.quota)}` }
}

/** What a text counts, without how much: `20k tokens/min` is `tokens/min`, `$1/month` is `$/month`. */
function kindOf(text) {
  const [amount, window] = text.split('/')
  const unit = amount.startsWith('$') ? '$' : amount.replace(/^[\d.]+[kM]? ?/, '') || 'requests'
  return `${unit}/${window}`
}
