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

/**
 * Slots cannot be taken from in one step: all are asked at once, and where one denies or fails, the others give back.
 * Until then others may see those units taken: briefly stricter, never looser.
 * @throws what the first of the slots that failed threw.
 */
export async function askAcross(
  verb: Verb,
  groups: readonly SlotGroup<Ask>[],
  enqueue: (verb: Verb, group: SlotGroup<Ask>) => Promise<readonly Standing[]>,
  giveBack: (returns: readonly Return[]) => Promise<void>,
): Promise<ReadonlyMap<Ask, Standing>> {
  const answers = await Promise.allSettled(groups.map((group) => enqueue(verb, group)))
  const failed = answers.find((answer) => answer.status === 'rejected')
  const standings = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  if (verb === 'take' && (failed !== undefined || !admits(standings.flat()))) {
    // What cannot be given back now stays taken until its window has passed.
    await giveBack(groups.flatMap((group, g) => takenBy(group, standings[g] ?? []))).catch(() => undefined)
    if (failed === undefined) return askAcross('look', groups, enqueue, giveBack)
  }
  if (failed !== undefined) throw failed.reason
  return new Map(groups.flatMap(({ asks }, g) => asks.flatMap((ask, i) => entryOf(ask, standings[g]?.[i]))))
}

function takenBy({ asks }: SlotGroup<Ask>, standings: readonly Standing[]): Return[] {
  if (!admits(standings)) return []
  return asks.flatMap((ask, i) => {
    const standing = standings[i]
    return standing?.allowed ? [{ ...ask, at: standing.at }] : []
  })
}

function entryOf(ask: Ask, standing: Standing | undefined): [Ask, Standing][] {
  return standing === undefined ? [] : [[ask, standing]]
}
