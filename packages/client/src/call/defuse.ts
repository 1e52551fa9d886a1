import { isThenable } from '@sluice/core/runtime'

/** What a user's function returned where no promise is expected: one that rejects later ends no process. */
export function defused<T>(value: T): T {
  if (isThenable(value)) Promise.resolve(value).catch(ignore)
  return value
}

export function ignore(): void {}
