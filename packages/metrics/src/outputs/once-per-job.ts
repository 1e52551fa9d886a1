import type { Family } from '../counts/family.js'
import type { MetricDefinition } from '../definitions.js'

/** A metric's family as it is now: who asks for one after the other in a job, as a scrape does, has them of one collection. */
export function oncePerJob(collect: () => readonly Family[]): (definition: MetricDefinition) => Family | undefined {
  let families: ReadonlyMap<MetricDefinition, Family> | undefined
  return (definition) => {
    if (families === undefined) {
      families = new Map(collect().map((family) => [family.definition, family]))
      queueMicrotask(() => {
        families = undefined
      })
    }
    return families.get(definition)
  }
}
