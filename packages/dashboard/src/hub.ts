import { randomBytes } from 'node:crypto'
import type { Store } from '@sluice/core'
import { keyDigest } from '@sluice/core/observe'
import { describe, isThenable, warn } from '@sluice/core/runtime'
import type { Metrics } from '@sluice/metrics'
import { type AuditEntry, AuditLog } from './audit.js'
import { Recorder } from './history/recorder.js'
import { Live } from './live/live.js'
import { RecentDenials } from './live/recent.js'
import type { Sources } from './sources.js'

/** What one dashboard has in a process: it begins to count when the dashboard is made, and not before. */
export class Hub {
  readonly sources: Sources
  readonly store: Store
  /** Of a dashboard that counts nothing itself: none. */
  readonly recorder: Recorder | undefined
  readonly live: Live
  readonly audit: AuditLog
  readonly recent: RecentDenials = new RecentDenials()
  readonly onAction: ((entry: AuditEntry) => void) | undefined
  /** Without it, nobody finds the key of a hash by trying all. */
  readonly #secret = randomBytes(16).toString('hex')
  readonly #stops: readonly (() => void)[]

  constructor(
    sources: Sources,
    metrics: Metrics | undefined,
    store: Store,
    onAction: ((entry: AuditEntry) => void) | undefined,
  ) {
    this.sources = sources
    this.store = store
    this.recorder = metrics && new Recorder(metrics, store, () => sources.limits())
    this.live = new Live(
      () => sources.observables,
      (key) => this.mask(key),
    )
    this.audit = new AuditLog(store)
    this.onAction = onAction
    this.#stops = sources.observables.map((observable) => this.recent.observe(observable))
  }

  /** A key as viewers see it: the same for the same key, in this process. */
  mask(key: string): string {
    return `#${(keyDigest(key, this.#secret) ?? '').slice(0, 10)}`
  }

  /** Rows as a visitor sees them. */
  shown<T extends { readonly key: string }>(rows: readonly T[], masked: boolean): readonly T[] {
    return masked ? rows.map((row) => ({ ...row, key: this.mask(row.key) })) : rows
  }

  /** What was done is done: where that cannot be written down, the process is warned. */
  async noteAction(entry: AuditEntry): Promise<void> {
    try {
      const told: unknown = this.onAction?.(entry)
      if (isThenable(told)) Promise.resolve(told).catch((error) => failed('onAction', error))
    } catch (error) {
      failed('onAction', error)
    }
    await this.audit.add(entry).catch((error) => failed(`audit log (${JSON.stringify(entry)})`, error))
  }

  /** In a process of its own there is nothing to spare: what is shown is as of now. */
  async freshen(): Promise<void> {
    if (this.store.url === undefined) await this.recorder?.flush()
  }

  async close(): Promise<void> {
    this.live.close()
    for (const stop of this.#stops) stop()
    await this.recorder?.close()
  }
}

function failed(what: string, error: unknown): void {
  warn('SLUICE_DASHBOARD', `The dashboard’s ${what} failed: ${describe(error)}`)
}
