import { type Decision, isoTime } from '../decisions/decision.js'
import { ConfigError, KeyError, shown } from '../errors.js'
import { type Usage, usageOf } from '../limiter/usage.js'
import { checkOptions } from '../options.js'
import { checkFunctions } from './limit-options.js'
import type { MadeLimit } from './make-limit.js'
import { type CompleteReply, completeReply } from './reply.js'
import { toError } from './request-asks.js'

export interface UsageOptions<Req> {
  /** The caller's key, in place of what the limits' own `key` makes of this request; policies with keys of their own keep them. */
  readonly key?: ((request: Req) => string | Promise<string>) | undefined
}

/** Answers with the caller's state under every named limit; takes nothing. */
export class UsagePage<Req extends object> {
  readonly #limits: () => readonly MadeLimit<Req>[]
  readonly #key: UsageOptions<Req>['key']

  /** @throws {ConfigError} on options that cannot be right. */
  constructor(limits: () => readonly MadeLimit<Req>[], options: UsageOptions<Req>) {
    checkOptions('limit.usage()', options, ['key'])
    checkFunctions({ key: options.key })
    this.#limits = limits
    this.#key = options.key
  }

  async #keyOf(request: Req): Promise<string | undefined> {
    if (this.#key === undefined) return undefined
    try {
      const key: unknown = await this.#key(request)
      if (typeof key === 'string' && key !== '') return key
      throw new KeyError(`limit.usage(): the key must be a string that is not empty, got ${shown(key)}.`)
    } catch (thrown) {
      throw toError(thrown, 'limit.usage()')
    }
  }

  /** @throws what the key function threw, as an error; as a rejection. */
  async reply(request: Req): Promise<CompleteReply> {
    const key = await this.#keyOf(request)
    const looks = await Promise.all(
      this.#limits().map(async (limit) => [limit.name, await lookAt(limit, request, key)] as const),
    )
    const isDegraded = looks.some(([, decision]) => decision?.degraded === true)
    const resources = looks.flatMap(([name, decision]) => (decision === undefined ? [] : entriesOf(name, decision)))
    return completeReply({
      status: 200,
      headers: { 'cache-control': 'no-store' },
      // What nobody could look up is not what it is.
      body: { resources: Object.fromEntries(resources), ...(isDegraded ? { degraded: true } : {}) },
    })
  }
}

/** A limit whose own functions cannot read this request has nothing to say of it. */
async function lookAt<Req extends object>(
  { guard }: MadeLimit<Req>,
  request: Req,
  key: string | undefined,
): Promise<Decision | undefined> {
  try {
    return await guard.look(request, key)
  } catch (error) {
    if (error instanceof ConfigError) throw error
    return undefined
  }
}

function entriesOf(limit: string, decision: Decision): readonly (readonly [string, object])[] {
  const { plan, override, asks } = decision
  if (asks.some(({ policy }) => policy.shadow)) return []
  if (typeof override?.to === 'string') return [[limit, { [override.to]: true }]]
  return Object.entries(usageOf(decision)).map(([name, usage]) => [
    name,
    { ...resourceOf(usage), ...(plan === undefined ? {} : { plan }) },
  ])
}

/** In the shape of GitHub's `GET /rate_limit`, with what it has no word for beside it. */
function resourceOf({ quota, unit, used, remaining, granted, rolledOver, over, period, resetAfterMs }: Usage): object {
  const reset = period === undefined ? Date.now() + resetAfterMs : period.end
  return {
    limit: quota,
    unit,
    used,
    remaining,
    reset: Number.isFinite(reset) ? Math.ceil(reset / 1000) : null,
    ...(period === undefined
      ? {}
      : { granted, rolledOver, over, period: { start: isoTime(period.start), end: isoTime(period.end) } }),
  }
}
