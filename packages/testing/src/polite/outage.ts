import { setTimeout as sleep } from 'node:timers/promises'
import type { MockApi } from '../mock/mock-api.js'
import { type Finding, failed, passed } from './report.js'
import { type Stage, scene } from './scene.js'

/** So many calls show what random waits are on average: full jitter shrinks here with a probability of 1 in 2,000. */
const CALLS = 24
const WATCHED_MS = 8_000
/** Calls begin one after the other, and not with those of the other checks, so that they do not hold each other up. */
const BEGIN_MS = 500
const STEP_MS = 30
/** Retries that come sooner on average come at once. */
const AT_ONCE_MS = 20
/** The last waits in relation to the first ones. A constant wait has 1, doubling at least 2. */
const LEAST_GROWTH = 1.1
/** The middle half of the first waits is spread at least as wide: event loops alone spread them by a few milliseconds. */
const LEAST_SPREAD_MS = 20
const MOST_ATTEMPTS = 10

/** What calls did whose server always answers with 503: each server of its own, so that no call learns from another. */
export interface Outage {
  /** Milliseconds between attempts, by call. */
  readonly waits: readonly (readonly number[])[]
  readonly finding: Finding
}

export async function outage(stage: Stage): Promise<Outage> {
  const waits: number[][] = []
  const findings = await Promise.all(
    Array.from({ length: CALLS }, (_, i) =>
      scene(stage, { faults: { status: 503 } }, async (mock, call) => {
        await sleep(BEGIN_MS + i * STEP_MS)
        await call().settled(WATCHED_MS)
        waits.push(waitsAt(mock))
        return passed('')
      }),
    ),
  )
  return { waits, finding: findings.find((finding) => !finding.passed) ?? passed('') }
}

export function backsOff({ waits, finding }: Outage): Finding {
  if (!finding.passed) return finding
  const firsts = waits.flatMap((own) => own.slice(0, 1))
  if (firsts.length === 0) return passed('It did not retry a 503.')
  if (mean(firsts) < AT_ONCE_MS)
    return failed(`It retried a 503 at once, after ${Math.round(mean(firsts))} ms on average.`)
  const longer = waits.filter(({ length }) => length > 1)
  if (longer.length === 0) return passed('It retried a 503 once.')
  const [first, last] = [mean(longer.map((own) => own[0] ?? 0)), mean(longer.map((own) => own.at(-1) ?? 0))]
  const what = `Before its first retry it waited ${Math.round(first)} ms on average, before its last ${Math.round(last)} ms.`
  return last >= first * LEAST_GROWTH ? passed(what) : failed(what)
}

export function addsJitter({ waits, finding }: Outage): Finding {
  if (!finding.passed) return finding
  const firsts = waits.flatMap((own) => own.slice(0, 1)).sort((one, other) => one - other)
  if (firsts.length < 2) return passed('It did not retry a 503.')
  const spread = quantile(firsts, 0.75) - quantile(firsts, 0.25)
  const what = `Half of ${firsts.length} first retries came within ${spread} ms of each other.`
  return spread >= LEAST_SPREAD_MS ? passed(what) : failed(what)
}

export function limitsRetries({ waits, finding }: Outage): Finding {
  if (!finding.passed) return finding
  const most = Math.max(...waits.map(({ length }) => length + 1))
  const what = `It made up to ${most} attempts in ${WATCHED_MS / 1000} seconds.`
  return most <= MOST_ATTEMPTS ? passed(what) : failed(what)
}

function waitsAt({ requests }: MockApi): number[] {
  return requests.slice(1).map(({ at }, i) => at - (requests[i]?.endedAt ?? at))
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0
}
