import { bindingOf, type ReportedStanding } from '../decisions/binding.js'
import { fullOf, unitsAt, usedOf } from '../decisions/standing.js'
import { ConfigError, shown } from '../errors.js'

/**
 * How limits are reported: `'draft'` is the newest RateLimit draft, `'draft+pk'` the same with a digest of the partition key,
 * `'legacy'` X-RateLimit-*. docs/headers.md shows each.
 */
export type Dialect = 'draft' | 'draft+pk' | 'draft-7' | 'draft-6' | 'legacy'

/** A header field: its name and its value. */
export type Field = readonly [name: string, value: string]

const DIALECTS: readonly Dialect[] = ['draft', 'draft+pk', 'draft-7', 'draft-6', 'legacy']

/**
 * One dialect or several, as a checked list; defaults to `'draft'`, an empty list for none.
 * @throws {ConfigError} on an unknown one, or on two that would write the same field.
 */
export function checkDialects(given: Dialect | readonly Dialect[] = 'draft'): readonly Dialect[] {
  const dialects: readonly Dialect[] = Array.isArray(given) ? given : [given as Dialect]
  for (const dialect of dialects) {
    if (!DIALECTS.includes(dialect)) {
      throw new ConfigError(
        `headers: expected ${DIALECTS.map((name) => `'${name}'`).join(', ')}, several in an array, or [] for none; ` +
          `got ${shown(dialect)}.`,
      )
    }
  }
  const drafts = dialects.filter((dialect) => dialect !== 'legacy')
  if (drafts.length > 1) {
    throw new ConfigError(
      `headers: ${drafts.map((name) => `'${name}'`).join(' and ')} write the same fields; choose one.`,
    )
  }
  return dialects
}

const DEFAULT_DIALECTS: readonly Dialect[] = ['draft']

/** Standings that are reported together, and how. */
export interface Report {
  readonly standings: readonly ReportedStanding[]
  readonly dialects: readonly Dialect[]
}

/**
 * The fields that report these standings in these dialects, and Retry-After when one of them denies.
 * @param now Unix milliseconds; defaults to the present.
 */
export function headerFields(
  standings: readonly ReportedStanding[],
  dialects: readonly Dialect[] = DEFAULT_DIALECTS,
  now?: number,
): readonly Field[] {
  const visible = standings.some(isShadow) ? standings.filter((standing) => !isShadow(standing)) : standings
  const fields: Field[] = []
  if (visible.length === 0) return fields
  for (const dialect of dialects) write[dialect](fields, visible, now)
  if (dialects.length > 0) warnings(fields, visible)
  retryAfter(fields, visible)
  return fields
}

/**
 * The fields of several limits on one response: each policy in its own limit's dialects. The drafts share field names,
 * so that where limits differ in them the latest decides how all are written.
 */
export function joinedFields(reports: readonly Report[], now?: number): readonly Field[] {
  const [only] = reports
  if (reports.length === 1 && only !== undefined) return headerFields(only.standings, only.dialects, now)
  const fields: Field[] = []
  for (const family of [isDraft, isLegacy]) {
    const those = reports.filter(({ dialects }) => dialects.some(family))
    const standings = newest(those)
    const dialect = those.findLast((report) => report.standings.some((one) => !isShadow(one)))?.dialects.find(family)
    if (dialect !== undefined && standings.length > 0) write[dialect](fields, standings, now)
  }
  warnings(fields, newest(reports.filter(({ dialects }) => dialects.length > 0)))
  retryAfter(fields, newest(reports))
  return fields
}

/** What clients see of all reports, each policy once: where two limits share one, as the later found it. */
function newest(reports: readonly Report[]): readonly ReportedStanding[] {
  const byName = new Map<string, ReportedStanding>()
  for (const standing of reports.flatMap(({ standings }) => standings)) {
    if (!isShadow(standing)) byName.set(standing.policy.name, standing)
  }
  return [...byName.values()]
}

function isLegacy(dialect: Dialect): boolean {
  return dialect === 'legacy'
}

function isDraft(dialect: Dialect): boolean {
  return dialect !== 'legacy'
}

function retryAfter(fields: Field[], standings: readonly ReportedStanding[]): void {
  const seconds = retryAfterSeconds(standings)
  if (seconds !== undefined) fields.push(['Retry-After', String(seconds)])
}

/** Whole seconds to wait, at least 1; `undefined` when nothing denies, or the request can never pass. */
export function retryAfterSeconds(standings: readonly ReportedStanding[]): number | undefined {
  let most = 0
  for (const standing of standings) if (!standing.allowed) most = Math.max(most, standing.retryAfterMs)
  return most === 0 || most === Number.POSITIVE_INFINITY ? undefined : seconds(most)
}

function isShadow({ policy }: ReportedStanding): boolean {
  return policy.shadow
}

type Writer = (fields: Field[], standings: readonly ReportedStanding[], now: number | undefined) => void

const draft: Writer = (fields, standings) => {
  fields.push(['RateLimit-Policy', list(standings, policyItem)])
  fields.push(['RateLimit', list(standings, limitItem)])
}

const write: Readonly<Record<Dialect, Writer>> = {
  draft,
  'draft+pk': draft,
  'draft-7': (fields, standings) => {
    const binding = bindingOf(standings)
    if (binding === undefined) return
    const { policy } = binding
    fields.push(['RateLimit-Policy', list(standings, oldPolicy)])
    const reset = isTimeless(binding) ? '' : `, reset=${resetOf(binding)}`
    fields.push(['RateLimit', `limit=${policy.quota}, remaining=${shownRemaining(binding)}${reset}`])
  },
  'draft-6': (fields, standings) => {
    const binding = bindingOf(standings)
    if (binding === undefined) return
    fields.push(['RateLimit-Policy', list(standings, oldPolicy)])
    three(fields, 'RateLimit', binding, resetOf(binding))
  },
  legacy: (fields, standings, now) => {
    const binding = bindingOf(standings)
    if (binding !== undefined) three(fields, 'X-RateLimit', binding, unixSeconds(now ?? Date.now(), binding))
  },
}

/** A structured field's List (RFC 9651 §3.1). */
function list(standings: readonly ReportedStanding[], item: (standing: ReportedStanding) => string): string {
  const [only] = standings
  return standings.length === 1 && only !== undefined ? item(only) : standings.map(item).join(', ')
}

/** What never changes of a policy's items, written once. */
interface Items {
  readonly policy: string
  readonly limit: string
}

const itemsOf = new WeakMap<ReportedStanding['policy'], Items>()

function items(policy: ReportedStanding['policy']): Items {
  let known = itemsOf.get(policy)
  if (known === undefined) {
    const name = sfString(policy.name)
    const unit = policy.unit === 'requests' ? '' : `;qu=${sfString(policy.unit)}`
    known = { policy: `${name};q=${policy.quota}${unit}`, limit: `${name};r=` }
    itemsOf.set(policy, known)
  }
  return known
}

function policyItem(standing: ReportedStanding): string {
  const { policy, pk } = standing
  const item = `${items(policy).policy}${window(standing)}`
  return pk === undefined ? item : `${item};pk=:${pk}:`
}

function limitItem(standing: ReportedStanding): string {
  const { policy, moreAfterMs, pk } = standing
  const item = `${items(policy).limit}${shownRemaining(standing)}`
  const timed = moreAfterMs === null || moreAfterMs === 0 ? item : `${item};t=${seconds(moreAfterMs)}`
  return pk === undefined ? timed : `${timed};pk=:${pk}:`
}

function oldPolicy(standing: ReportedStanding): string {
  return `${standing.policy.quota}${window(standing)}`
}

/** Whole seconds only; a window that is none is left out. Of a quota, how long its present period is. */
function window({ policy, period }: ReportedStanding): string {
  const ms = period === undefined ? policy.windowMs : period.end - period.start
  return ms === null || ms % 1000 !== 0 ? '' : `;w=${ms / 1000}`
}

/** No client expects more to remain than its limit: what a burst holds beyond the quota is not shown. */
function shownRemaining({ policy, remaining }: ReportedStanding): number {
  return Math.min(remaining, policy.quota)
}

function unixSeconds(now: number, { moreAfterMs }: ReportedStanding): number {
  return Math.ceil((now + (moreAfterMs ?? 0)) / 1000)
}

function three(fields: Field[], prefix: string, standing: ReportedStanding, reset: number): void {
  fields.push([`${prefix}-Limit`, String(standing.policy.quota)])
  fields.push([`${prefix}-Remaining`, String(shownRemaining(standing))])
  if (!isTimeless(standing)) fields.push([`${prefix}-Reset`, String(reset)])
}

/** `Sluice-Warning`: the policies whose used share has reached a `warnAt`, or that are over, with the share. */
function warnings(fields: Field[], standings: readonly ReportedStanding[]): void {
  if (!standings.some(isWarned)) return
  fields.push(['Sluice-Warning', list(standings.filter(isWarned), warningItem)])
}

function isWarned(standing: ReportedStanding): boolean {
  const [first] = standing.policy.warnAt
  if (first !== undefined && usedOf(standing) - (standing.pending ?? 0) >= unitsAt(first, fullOf(standing))) return true
  return standing.period !== undefined && standing.period.over > 0
}

function warningItem(standing: ReportedStanding): string {
  const used = Math.max(0, usedOf(standing) - (standing.pending ?? 0))
  const thousandths = Math.floor((used * 1000) / fullOf(standing))
  const item = `${sfString(standing.policy.name)};share=${sfDecimal(thousandths)}`
  return standing.period === undefined || standing.period.over === 0 ? item : `${item};over=${standing.period.over}`
}

/** A quota for a lifetime, and slots, have no time at which there is more. */
function isTimeless({ period, policy }: ReportedStanding): boolean {
  return period?.end === Number.POSITIVE_INFINITY || policy.unit === 'concurrent-requests'
}

function sfString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** A Decimal has one to three digits behind the point (RFC 9651 §3.3.2). */
function sfDecimal(thousandths: number): string {
  const decimals = String(thousandths % 1000)
    .padStart(3, '0')
    .replace(/0{1,2}$/, '')
  return `${Math.floor(thousandths / 1000)}.${decimals}`
}

/** Rounded up, at least 1: never announces earlier than true. */
function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}

/** `reset` of the older dialects: what `t` is, 0 when the bucket is full. */
function resetOf({ moreAfterMs }: ReportedStanding): number {
  return moreAfterMs === null || moreAfterMs === 0 ? 0 : seconds(moreAfterMs)
}
