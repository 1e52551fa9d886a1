import type { Decision } from '../decisions/decision.js'

/** Why a wait has ended without anything taken. */
export type WaitReason = 'timeout' | 'full' | 'never' | 'closed'

const SENTENCES: Readonly<Record<WaitReason, string>> = {
  timeout: 'The limit does not let it through within maxWaitMs.',
  full: 'As many as may wait for this key are waiting already (maxWaiting).',
  never: 'The limit never lets it through: it costs more than ever passes at once, or the key is blocked.',
  closed: 'The store was closed while it waited.',
}

/** What was waited for did not come. Nothing was taken. */
export class WaitError extends Error {
  override readonly name = 'WaitError'
  /** Always `'SLUICE_WAIT'`. */
  readonly code = 'SLUICE_WAIT'
  /**
   * `'timeout'`: not within `maxWaitMs`; `'full'`: too many are waiting; `'never'`: more than ever passes at once; `'closed'`: the
   * store was closed.
   */
  readonly reason: WaitReason
  /** The last denial, where one was made. */
  readonly decision: Decision | undefined

  constructor(reason: WaitReason, decision: Decision | undefined) {
    super(SENTENCES[reason])
    this.reason = reason
    this.decision = decision
  }
}
