import type { Verdict } from './verdict.js'

/** An attempt that was answered, or failed on its way. */
export type Finished<T> =
  | { readonly verdict: Verdict; readonly isThrown: false; readonly result: T }
  | { readonly verdict: Verdict; readonly isThrown: true; readonly error: unknown }

export function errorIn(finished: Finished<unknown>): unknown {
  return finished.isThrown ? finished.error : undefined
}
