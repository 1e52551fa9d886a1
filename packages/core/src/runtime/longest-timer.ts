/** Milliseconds: `setTimeout` takes no more, and fires at once instead. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1
