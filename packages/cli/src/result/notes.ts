import type { FileReport } from '../logs/log-file.js'
import type { Replay } from '../replay/replay.js'
import type { RetryModel } from '../replay/retries.js'
import { whole } from '../report/numbers.js'
import type { LimitResult, SimulationResult } from './result.js'

const SPREAD =
  ' Limits with a window below a minute are replayed a second time with the requests of each second spread over it; both ' +
  'results are given.'

const OVERSHOOT =
  'more than its quota passed in one window, as most algorithms allow in the worst case: a sliding window of more than ten units weighs the ' +
  'window before, and a bucket refills while it is used. See Algorithms in the documentation.'

/** What the numbers of a simulation do not say. */
export function notesOf(
  replay: Replay,
  results: readonly LimitResult[],
  files: readonly FileReport[],
  resolution: SimulationResult['resolution'],
  retries: RetryModel,
): readonly string[] {
  const notes: string[] = []
  if (replay.limits.length > 1) notes.push('Each limit decides as if it were the only one.')
  if (resolution === 'seconds') {
    notes.push(
      `The log has whole seconds: requests of one second are taken at one instant.${replay.spread.size === 0 ? '' : SPREAD}`,
    )
  }
  if (!files.every(({ hasDurations }) => hasDurations)) {
    notes.push('Lines without a duration count at the time they were written, which is when a request ended.')
  }
  if (retries === 'none')
    notes.push(
      'Denied clients are assumed to give up. Use --retries obey or --retries hammer for those that come back.',
    )
  if (replay.limits.some(({ limit }) => limit.keys.text.startsWith('ip'))) {
    notes.push('One address may be many users (a company, a mobile network), and one user may have many addresses.')
  }
  for (const { path, isCut } of files) if (isCut) notes.push(`${path} is cut off; what comes before the cut was read.`)
  const late = files.reduce((sum, file) => sum + file.late, 0)
  if (late > 0)
    notes.push(`${whole(late)} requests stood more than a minute behind later ones and count at the time of those.`)
  for (const [i, { limit, store }] of replay.limits.entries()) {
    const result = results[i]
    if (result !== undefined) notes.push(...resultNotes(result))
    notes.push(...limit.notes().map((note) => `${limit.name}: ${note}`))
    const evictions = store.stats?.().evictions ?? 0
    if (evictions > 0)
      notes.push(
        `${limit.name}: ${whole(evictions)} buckets were dropped, because there are more keys than fit in memory.`,
      )
  }
  return notes
}

function resultNotes({ name, allowed, denied, unkeyed, peak, curve }: LimitResult): readonly string[] {
  if (allowed + denied === 0) {
    return [`${name}: it covered no request${unkeyed > 0 ? ' that has its key' : ''}; see its route, key and plan.`]
  }
  return peak !== null && curve !== null && peak.admitted > curve.quota ? [`${name}: ${OVERSHOOT}`] : []
}
