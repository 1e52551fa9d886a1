import type { Decision, Policy, Standing } from '@sluice/core'
import { fullOf, type Observer, type WaitResult } from '@sluice/core/observe'
import { METRICS } from '../definitions.js'
import { KeyCounts } from '../top-keys/key-counts.js'
import { BoundedNames } from './bounded-names.js'
import type { Family, Sample } from './family.js'
import { type Histogram, HistogramFamily, type Labels } from './histogram.js'
import { isPlain, policyResultOf, type Reason, type Result, reasonOf, resultOf } from './result.js'
import { Sampler } from './sampler.js'
import { Tallies } from './tallies.js'

/** From this used share on, a policy is near its limit. */
const NEAR = 0.8

const OTHER_RESULTS = ['limited', 'shadow_limited', 'soft_limited'] as const

/** The histograms that limits have in common. */
export interface LimitHistograms {
  readonly utilization: HistogramFamily
  readonly decisionDuration: HistogramFamily
  readonly leaseDuration: HistogramFamily
  readonly timeInQueue: HistogramFamily
}

export function limitHistograms(): LimitHistograms {
  return {
    utilization: new HistogramFamily(METRICS.utilization),
    decisionDuration: new HistogramFamily(METRICS.decisionDuration),
    leaseDuration: new HistogramFamily(METRICS.leaseDuration),
    timeInQueue: new HistogramFamily(METRICS.timeInQueue),
  }
}

/** What is counted of one policy of one limit. */
class PolicyCounts {
  readonly limit: string
  readonly name: string
  readonly unit: string
  readonly isQuota: boolean
  allowed = 0
  allowedUnits = 0
  /** In the order of `OTHER_RESULTS`. */
  readonly others: Float64Array = new Float64Array(OTHER_RESULTS.length)
  readonly otherUnits: Float64Array = new Float64Array(OTHER_RESULTS.length)
  readonly utilization: Histogram
  near = 0
  overage = 0

  constructor(limit: string, name: string, policy: Policy, families: LimitHistograms) {
    this.limit = limit
    this.name = name
    this.unit = policy.unit
    this.isQuota = policy.calendar !== undefined
    this.utilization = families.utilization.of({ limit, policy: name, unit: policy.unit })
  }

  /**
   * @param units that were taken by the decision, or are asked for by one that denied.
   * @param weight how many this one stands for in what is sampled; 0 where it is not looked at.
   * @returns whether it let the request pass, and there is no more to say of it.
   */
  note(standing: Standing, units: number, weight: number): boolean {
    if (!isPlain(standing)) {
      this.#noteOther(standing, units, weight)
      return false
    }
    const { policy, remaining } = standing
    this.allowed += 1
    this.allowedUnits += units
    // A fifth is left, in whole numbers.
    if (remaining * 5 <= policy.capacity) this.near += 1
    if (weight > 0) this.utilization.record(standing.used / policy.capacity, weight)
    return true
  }

  #noteOther(standing: Standing, units: number, weight: number): void {
    const result = policyResultOf(standing)
    if (result === 'allowed') {
      this.allowed += 1
      this.allowedUnits += units
    } else {
      const at = OTHER_RESULTS.indexOf(result)
      this.others[at] = (this.others[at] ?? 0) + 1
      this.otherUnits[at] = (this.otherUnits[at] ?? 0) + units
    }
    if (standing.period !== undefined) this.overage += standing.period.overTaken
    if (isUnknown(standing)) return
    const share = standing.used / fullOf(standing)
    if (share >= NEAR) this.near += 1
    if (weight > 0) this.utilization.record(share, weight)
  }
}

/** What is counted of one limit. */
class LimitCounts {
  readonly name: string
  allowed = 0
  /** What was not simply allowed. */
  readonly others = new Tallies()
  readonly duration: Histogram
  readonly keys: KeyCounts
  bans = 0
  /** A limit may be given other policies at each request. */
  readonly policies: WeakMap<Policy, PolicyCounts> = new WeakMap()
  /** What it says, without overrides; of a limit whose policies depend on the request, what was decided by first. */
  says: readonly Policy[] = []
  lastPolicy: Policy | undefined
  lastCounts: PolicyCounts | undefined

  constructor(name: string, families: LimitHistograms, keys: KeyCounts) {
    this.name = name
    this.duration = families.decisionDuration.of({ limit: name })
    this.keys = keys
  }

  note(result: Result, policy: string, reason: Reason | ''): void {
    this.others.add({ limit: this.name, policy, result, reason })
  }
}

/** Keys of calendar quotas whose usage is shown one by one. */
const MOST_QUOTAS = 1_000

interface QuotaSeen {
  readonly labels: Readonly<Record<string, string>>
  readonly used: number
  readonly full: number
  readonly end: number
}

/** What limits decide, in numbers. */
export class LimitObserver implements Observer {
  readonly #families: LimitHistograms
  readonly #limits = new Map<string, LimitCounts>()
  readonly #limitNames = new BoundedNames('limits')
  readonly #policyNames = new BoundedNames('policies')
  readonly #byPolicy = new Map<string, PolicyCounts>()
  readonly #quotaKeys: ReadonlySet<string>
  readonly #quotas = new Map<string, QuotaSeen>()
  readonly #crossings = new Tallies()
  #lastName: string | undefined
  #lastLimit: LimitCounts | undefined
  readonly #sampler = new Sampler()

  constructor(families: LimitHistograms, quotaKeys: ReadonlySet<string>) {
    this.#families = families
    this.#quotaKeys = quotaKeys
  }

  decided(name: string, decision: Decision, _request: unknown, tookMs: number | undefined): void {
    const limit = this.#limitOf(name)
    const { standings, asks, taken } = decision
    const weight = this.#sampler.weight()
    let isSimple = decision.allowed && !decision.degraded && decision.override === undefined
    for (let i = 0; i < standings.length; i++) {
      const standing = standings[i] as Standing
      const ask = asks[i]
      const units = taken || !standing.allowed ? (ask === undefined ? decision.cost : ask.cost) : 0
      if (this.#policyOf(limit, standing.policy, decision).note(standing, units, weight)) continue
      isSimple = false
      if (standing.period !== undefined && this.#quotaKeys.size > 0)
        this.#noteQuota(limit.name, standing, ask?.key ?? '')
    }
    if (isSimple) limit.allowed += 1
    else this.#noteResult(limit, decision)
    if (weight > 0) limit.keys.note(decision, weight)
    if (tookMs !== undefined) limit.duration.record(tookMs / 1_000)
  }

  #noteResult(limit: LimitCounts, decision: Decision): void {
    const { result, due } = resultOf(decision)
    if (result === 'allowed') limit.allowed += 1
    else if (due === undefined) limit.note(result, '', '')
    else {
      const reason = result === 'banned' ? 'ban' : reasonOf(due.policy)
      limit.note(result, this.#policyNames.labelOf(due.policy.name), reason)
    }
  }

  #noteQuota(limit: string, standing: Standing, key: string): void {
    const { policy, period } = standing
    if (period === undefined || !this.#quotaKeys.has(key)) return
    const name = this.#policyNames.labelOf(policy.name)
    const id = `${limit}\0${name}\0${key}`
    if (!this.#quotas.has(id) && this.#quotas.size >= MOST_QUOTAS) return
    const labels = { limit, policy: name, key }
    this.#quotas.set(id, { labels, used: period.used, full: fullOf(standing), end: period.end })
  }

  skipped(name: string): void {
    this.#limitOf(name).note('skipped', '', '')
  }

  canceled(name: string): void {
    this.#limitOf(name).note('canceled', '', '')
  }

  charged(name: string, { asks, standings }: Decision): void {
    const limit = this.#limitOf(name)
    for (const [i, { policy, cost }] of asks.entries()) {
      const counts = this.#policyOf(limit, policy)
      counts.allowedUnits += cost
      counts.overage += standings[i]?.period?.overTaken ?? 0
    }
  }

  waited(name: string, policy: Policy, waitedMs: number, result: WaitResult): void {
    const labels = { limit: this.#limitNames.labelOf(name), policy: this.#policyNames.labelOf(policy.name), result }
    this.#families.timeInQueue.of(labels).record(waitedMs / 1_000)
  }

  released(name: string, { asks }: Decision, heldMs: number): void {
    for (const { policy, lease } of asks) {
      if (lease === undefined) continue
      const labels = { limit: this.#limitNames.labelOf(name), policy: this.#policyNames.labelOf(policy.name) }
      this.#families.leaseDuration.of(labels).record(heldMs / 1_000)
    }
  }

  banned(name: string): void {
    this.#limitOf(name).bans += 1
  }

  warned(name: string, policy: Policy, _key: string, share: number): void {
    // Each warnEvery is another share: these are counted together.
    const threshold = policy.warnAt.includes(share) ? String(share) : 'step'
    const labels = {
      limit: this.#limitNames.labelOf(name),
      policy: this.#policyNames.labelOf(policy.name),
      threshold,
    }
    this.#crossings.add(labels)
  }

  /** What a limit says now, whatever is asked of it, or of the keys that it is overridden for. */
  expect(name: string, policies: readonly Policy[]): void {
    const limit = this.#limitOf(name)
    for (const policy of policies) this.#policyOf(limit, policy)
    limit.says = policies
  }

  /** The label of a policy. */
  policyLabel({ name }: Policy): string {
    return this.#policyNames.labelOf(name)
  }

  /** By the name of each limit, the keys that have most. */
  keys(): ReadonlyMap<string, KeyCounts> {
    return new Map(Array.from(this.#limits.values(), ({ name, keys }) => [name, keys]))
  }

  families(): readonly Family[] {
    const limits = [...this.#limits.values()]
    const policies = [...this.#byPolicy.values()]
    const said = limits.flatMap((limit) => this.#saidBy(limit))
    return [
      { definition: METRICS.requests, samples: limits.flatMap(requestsOf) },
      { definition: METRICS.evaluations, samples: policies.flatMap((one) => byResult(one, one.allowed, one.others)) },
      {
        definition: METRICS.units,
        samples: policies.flatMap((one) => byResult(one, one.allowedUnits, one.otherUnits)),
      },
      { definition: METRICS.nearLimit, samples: policies.map((one) => ({ labels: labelsOf(one), value: one.near })) },
      { definition: METRICS.utilization, samples: this.#families.utilization.samples() },
      { definition: METRICS.decisionDuration, samples: this.#families.decisionDuration.samples() },
      { definition: METRICS.leaseDuration, samples: this.#families.leaseDuration.samples() },
      { definition: METRICS.timeInQueue, samples: this.#families.timeInQueue.samples() },
      { definition: METRICS.limit, samples: said.map(({ labels, policy }) => ({ labels, value: policy.quota })) },
      {
        definition: METRICS.period,
        samples: said
          .filter(({ policy }) => Number.isFinite(policy.windowMs))
          .map(({ labels, policy }) => ({ labels, value: policy.windowMs / 1_000 })),
      },
      {
        definition: METRICS.config,
        samples: said.map(({ labels, policy }) => ({ labels: { ...labels, ...configOf(policy) }, value: 1 })),
      },
      { definition: METRICS.bans, samples: limits.map(({ name, bans }) => ({ labels: { limit: name }, value: bans })) },
      { definition: METRICS.quotaCrossings, samples: this.#crossings.samples() },
      {
        definition: METRICS.quotaOverage,
        samples: policies
          .filter(({ isQuota }) => isQuota)
          .map((one) => ({ labels: labelsOf(one), value: one.overage })),
      },
      ...this.#quotaFamilies(),
    ]
  }

  /** Each of its policies once; those of plans have the same names. */
  #saidBy({ name: limit, says }: LimitCounts): readonly Said[] {
    const said = says.map((policy): Said => {
      const labels = {
        limit,
        policy: this.#policyNames.labelOf(policy.name),
        unit: policy.unit,
        plan: policy.plan ?? '',
      }
      return { labels, policy }
    })
    return [...new Map(said.map((one) => [Object.values(one.labels).join('\0'), one])).values()]
  }

  #quotaFamilies(): readonly Family[] {
    const now = Date.now()
    // What was used in a period that is over says nothing any more.
    const seen = [...this.#quotas.values()].filter(({ end }) => end > now)
    return [
      { definition: METRICS.quotaUsage, samples: seen.map(({ labels, used }) => ({ labels, value: used })) },
      { definition: METRICS.quotaLimit, samples: seen.map(({ labels, full }) => ({ labels, value: full })) },
      {
        definition: METRICS.quotaReset,
        samples: seen
          .filter(({ end }) => Number.isFinite(end))
          .map(({ labels, end }) => ({ labels, value: (end - now) / 1_000 })),
      },
    ]
  }

  #limitOf(name: string): LimitCounts {
    if (name === this.#lastName && this.#lastLimit !== undefined) return this.#lastLimit
    const label = this.#limitNames.labelOf(name)
    let limit = this.#limits.get(label)
    if (limit === undefined) {
      limit = new LimitCounts(label, this.#families, new KeyCounts(this.#limits.size))
      this.#limits.set(label, limit)
    }
    this.#lastName = name
    this.#lastLimit = limit
    return limit
  }

  /** @param decision that it was decided by: a limit says what it decides by first, where it cannot say so before. */
  #policyOf(limit: LimitCounts, policy: Policy, decision?: Decision): PolicyCounts {
    if (policy === limit.lastPolicy && limit.lastCounts !== undefined) return limit.lastCounts
    let counts = limit.policies.get(policy)
    if (counts === undefined) {
      counts = this.#countsOf(limit.name, policy)
      limit.policies.set(policy, counts)
      if (limit.says.length === 0 && decision?.override === undefined) {
        limit.says = decision?.standings.map((standing) => standing.policy) ?? [policy]
      }
    }
    limit.lastPolicy = policy
    limit.lastCounts = counts
    return counts
  }

  #countsOf(limit: string, policy: Policy): PolicyCounts {
    const name = this.#policyNames.labelOf(policy.name)
    const id = `${limit}\0${name}\0${policy.unit}`
    let counts = this.#byPolicy.get(id)
    if (counts === undefined) {
      counts = new PolicyCounts(limit, name, policy, this.#families)
      this.#byPolicy.set(id, counts)
    }
    return counts
  }
}

/** A denial that no store has made has nothing to say of how much is used. */
function isUnknown({ allowed, moreAfterMs, policy }: Standing): boolean {
  return !allowed && moreAfterMs === null && policy.lease === undefined
}

function requestsOf({ name, allowed, others }: LimitCounts): readonly Sample[] {
  const labels = { limit: name, policy: '', result: 'allowed', reason: '' }
  return [{ labels, value: allowed }, ...others.samples()]
}

function labelsOf({ limit, name, unit }: PolicyCounts): Labels {
  return { limit, policy: name, unit }
}

/** Those that have happened, and the two that everybody asks for. */
function byResult(counts: PolicyCounts, allowed: number, others: Float64Array): readonly Sample[] {
  const labels = labelsOf(counts)
  const more = OTHER_RESULTS.map((result, i) => ({ labels: { ...labels, result }, value: others[i] ?? 0 }))
  return [
    { labels: { ...labels, result: 'allowed' }, value: allowed },
    ...more.filter(({ value }, i) => i === 0 || value > 0),
  ]
}

function configOf({ algorithm, quota, windowMs, calendar, shadow, soft }: Policy): Labels {
  const window = calendar?.id ?? (Number.isFinite(windowMs) ? `${windowMs / 1_000}s` : 'held')
  const mode = shadow ? 'shadow' : soft ? 'soft' : 'enforced'
  return { algorithm, mode, quota: String(quota), window }
}

/** A policy as its limit has it. */
interface Said {
  readonly labels: Labels
  readonly policy: Policy
}
