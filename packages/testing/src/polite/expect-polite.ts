import { ConfigError } from '@sluice/core'
import { checkOptions, describe, isThenable, shown } from '@sluice/core/runtime'
import { type MockApi, optionsOf } from '../mock/mock-api.js'
import { presetOf } from '../presets/presets.js'
import { addsJitter, backsOff, limitsRetries, type Outage, outage } from './outage.js'
import { PolitenessError } from './politeness-error.js'
import { holdsOtherCalls, spreadsCalls, waitsForQuota } from './quota.js'
import {
  CHECKS,
  type Finding,
  failed,
  type PoliteCheck,
  type PoliteCheckName,
  type PoliteClient,
  type PoliteReport,
} from './report.js'
import { readsServerClock, waitsForDate, waitsForSeconds } from './retry-after.js'
import type { Stage } from './scene.js'
import { acceptsBadRequest, stopsOnAbort } from './stopping.js'

export interface PoliteOptions {
  /** Checks to leave out. */
  readonly skip?: readonly PoliteCheckName[] | undefined
}

/**
 * Checks how a client behaves towards a limited API that is busy, fails, or has a wrong clock. Takes about ten seconds: the checks
 * run at the same time, each with servers of its own, which speak the dialect of `mock`.
 * @param client Makes one call to the URL that it is given.
 * @param mock Its preset, document and answers are those of the check's servers. Defaults to the preset `'ietf'`.
 * @example await expectPolite((url, { signal }) => ky(url, { signal }), mock)
 * @throws {PolitenessError} where the client fails a check, with the report. @throws {ConfigError} on an argument that cannot be right.
 * Both as a rejection.
 */
export async function expectPolite(
  client: PoliteClient,
  mock?: MockApi,
  options: PoliteOptions = {},
): Promise<PoliteReport> {
  const skipped = checkArguments(client, options)
  const returned = new Returned(client)
  const stage = stageOf((url, options) => returned.call(url, options), mock)
  let shared: Promise<Outage> | undefined
  const duringOutage = (find: (outage: Outage) => Finding) => async (): Promise<Finding> => {
    shared ??= outage(stage)
    return find(await shared)
  }
  const plays: Readonly<Record<PoliteCheckName, (stage: Stage) => Promise<Finding>>> = {
    'retry-after-seconds': waitsForSeconds,
    'retry-after-date': waitsForDate,
    'wrong-clock': readsServerClock,
    backoff: duringOutage(backsOff),
    jitter: duringOutage(addsJitter),
    'retry-limit': duringOutage(limitsRetries),
    'exhausted-quota': waitsForQuota,
    'shared-wait': holdsOtherCalls,
    herd: spreadsCalls,
    abort: stopsOnAbort,
    'bad-request': acceptsBadRequest,
  }
  const names = NAMES.filter((name) => !skipped.has(name))
  const checks = await Promise.all(names.map((name) => checked(name, plays[name], stage)))
  returned.check()
  const report = { checks }
  if (checks.some(({ passed }) => !passed)) throw new PolitenessError(report)
  return report
}

/** What the client's function returns: without a promise, nobody knows when a call has ended. */
class Returned {
  readonly #client: PoliteClient
  #isPromise = true

  constructor(client: PoliteClient) {
    this.#client = client
  }

  call(...given: Parameters<PoliteClient>): ReturnType<PoliteClient> {
    const call = this.#client(...given)
    this.#isPromise &&= isThenable(call)
    return call
  }

  /** @throws {ConfigError} where it was no promise. */
  check(): void {
    if (this.#isPromise) return
    throw new ConfigError(
      'expectPolite(): the function must return the promise of its call, as in (url, { signal }) => fetch(url, { signal }).',
    )
  }
}

const NAMES = Object.keys(CHECKS) as readonly PoliteCheckName[]

async function checked(
  name: PoliteCheckName,
  play: (stage: Stage) => Promise<Finding>,
  stage: Stage,
): Promise<PoliteCheck> {
  const finding = await play(stage).catch((error) => failed(`The check itself failed: ${describe(error)}`))
  return { name, title: CHECKS[name], ...finding }
}

function stageOf(client: PoliteClient, mock: MockApi | undefined): Stage {
  const options = mock === undefined ? {} : optionsOf(mock)
  if (options === undefined) {
    throw new ConfigError('expectPolite() takes a mock that mockApi() has made, as in expectPolite(client, mock).')
  }
  const { preset, openapi, respond } = options
  return { client, like: { preset, openapi, respond }, reportsRemaining: presetOf(preset ?? 'ietf').reportsRemaining }
}

function checkArguments(client: unknown, options: PoliteOptions): ReadonlySet<PoliteCheckName> {
  if (typeof client !== 'function') {
    throw new ConfigError(
      `expectPolite() takes a function that makes a call, as in expectPolite((url, { signal }) => fetch(url, { signal }), mock), got ${shown(client)}.`,
    )
  }
  checkOptions('expectPolite()', options, ['skip'])
  const { skip = [] } = options
  const unknown = Array.isArray(skip) ? skip.find((name: unknown) => !NAMES.some((known) => known === name)) : skip
  if (unknown !== undefined) {
    throw new ConfigError(`skip: expected a list of checks out of ${NAMES.join(', ')}, got ${shown(unknown)}.`)
  }
  return new Set(skip)
}
