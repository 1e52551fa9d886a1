import type { Ask, Return } from '../decisions/ask.js'
import { admits } from '../decisions/decision.js'
import type { Standing } from '../decisions/standing.js'
import type { Verb } from './command.js'

/** Asks of one decision that lie in one slot of a cluster. */
export interface SlotGroup<A extends Ask> {
  readonly slot: number
  readonly asks: readonly A[]
}

/** Always in the same order, whoever asks. */
export function bySlot<A extends Ask>(asks: readonly A[], slotOf: (key: string) => number): readonly SlotGroup<A>[] {
  const groups = new Map<number, A[]>()
  for (const ask of asks) {
    const slot = slotOf(ask.key)
    const group = groups.get(slot)
    if (group === undefined) groups.set(slot, [ask])
    else group.push(ask)
  }
  return [...groups].map(([slot, group]) => ({ slot, asks: group })).sort((a, b) => a.slot - b.slot)
}

/** What a slot answered, and how its buckets stood before, where it took from them. */
export interface SlotAnswer {
  readonly standings: readonly Standing[]
  readonly before: readonly Standing[]
}

/**
 * Slots cannot be taken from in one step: all are asked at once, and where one denies or fails, the others give back.
 * Until then others see those units taken, and a meter drains what it may not have to: too much by its rate × that time.
 * A denial needs no further answer: giving back goes on its way, in front of whatever is asked next.
 * @throws what the first of the slots that failed threw.
 */
export async function askAcross(
  verb: Verb,
  groups: readonly SlotGroup<Ask>[],
  enqueue: (verb: Verb, group: SlotGroup<Ask>) => Promise<SlotAnswer>,
  giveBack: (returns: readonly Return[]) => Promise<unknown>,
): Promise<ReadonlyMap<Ask, Standing>> {
  const settled = await Promise.allSettled(groups.map((group) => enqueue(verb, group)))
  const failed = settled.find((answer) => answer.status === 'rejected')
  const answers = settled.map((answer) => (answer.status === 'fulfilled' ? answer.value : undefined))
  const standings = answers.map((answer) => answer?.standings)
  const taken = verb === 'take' && failed === undefined && admits(standings.flatMap((some) => some ?? []))
  if (verb === 'take' && !taken) {
    // What cannot be given back now stays taken until its window has passed.
    giveBack(groups.flatMap((group, g) => takenBy(group, standings[g] ?? []))).catch(() => undefined)
  }
  if (failed !== undefined) throw failed.reason
  return standingsByAsk(
    groups,
    answers.map((answer) => (verb === 'take' && !taken ? answer?.before : answer?.standings)),
  )
}

function standingsByAsk(
  groups: readonly SlotGroup<Ask>[],
  standings: readonly (readonly Standing[] | undefined)[],
): ReadonlyMap<Ask, Standing> {
  return new Map(groups.flatMap(({ asks }, g) => asks.flatMap((ask, i) => entryOf(ask, standings[g]?.[i]))))
}

function takenBy({ asks }: SlotGroup<Ask>, standings: readonly Standing[]): Return[] {
  if (!admits(standings)) return []
  return asks.flatMap((ask, i) => {
    const standing = standings[i]
    return standing?.allowed ? [{ ...ask, at: isMeter(ask) ? JUST_NOW : standing.at }] : []
  })
}

/**
 * A meter keeps what drained while its units were held. Here they never were: all that were taken at the same time would
 * each lose what drained only once.
 */
const JUST_NOW = Number.MAX_SAFE_INTEGER

function isMeter({ policy }: Ask): boolean {
  return policy.algorithm === 'token-bucket' || policy.algorithm === 'leaky-bucket'
}

function entryOf(ask: Ask, standing: Standing | undefined): [Ask, Standing][] {
  return standing === undefined ? [] : [[ask, standing]]
}
