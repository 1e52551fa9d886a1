import { type Counts, type Store, StoreError } from '@sluice/core'

/** Nobody waits for longer than that for what is only looked at. */
const WITHIN_MS = 2_000

type Tables = readonly ReadonlyMap<string, number>[]

/** Rejects with a `StoreError` where the store does not answer in time. A store that keeps no counts has none. */
export async function readCounts(store: Store, tables: readonly string[]): Promise<Tables> {
  return (await inTime(store, store.readCounts?.(tables))) ?? []
}

export async function addCounts(store: Store, additions: readonly Counts[]): Promise<void> {
  await inTime(store, store.addCounts?.(additions))
}

function inTime<T>({ url = 'The store' }: Store, answer: T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // It may have done it all the same.
      reject(new StoreError(`${url} did not answer within ${WITHIN_MS} ms.`, { uncertain: true }))
    }, WITHIN_MS)
    Promise.resolve(answer)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })
}
