import type { PoliteReport } from './report.js'

/** A client has failed checks of `expectPolite`. The message lists them. */
export class PolitenessError extends Error {
  override readonly name = 'PolitenessError'
  /** Always `'SLUICE_IMPOLITE'`. */
  readonly code = 'SLUICE_IMPOLITE'
  /** All checks, also those that passed. */
  readonly report: PoliteReport

  constructor(report: PoliteReport) {
    const failures = report.checks.filter(({ passed }) => !passed)
    const lines = failures.map(({ name, detail }) => `- ${name}: ${detail}`)
    super(`The client is not polite: ${failures.length} of ${report.checks.length} checks failed.\n${lines.join('\n')}`)
    this.report = report
  }
}
