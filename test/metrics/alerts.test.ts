import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { METRICS } from '@sluice/metrics'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { grafanaDashboard } from '../../scripts/grafana.mjs'

const folder = fileURLToPath(new URL('../../packages/metrics/alerts', import.meta.url))
const promtool = (...args: string[]): string => execFileSync('promtool', args, { cwd: folder, encoding: 'utf8' })

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly annotations: { readonly summary: string; readonly description: string }
}

const { groups } = parse(readFileSync(`${folder}/sluice.rules.yml`, 'utf8')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[]
}
const rules = groups.flatMap((group) => group.rules)

/** Every name of a series that metrics can have. */
const names = new Set(
  Object.values(METRICS).flatMap(({ prometheus, type }) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => prometheus + suffix) : [prometheus],
  ),
)

const namesIn = (text: string): string[] => text.match(/sluice_\w+/g) ?? []

describe('the alerts', () => {
  it('are rules that Prometheus takes, of metrics that exist', () => {
    expect(promtool('check', 'rules', 'sluice.rules.yml')).toContain(`${rules.length} rules found`)
    for (const { expr } of rules) for (const name of namesIn(expr)) expect(names).toContain(name)
  })

  it('fire when they should, and not before: each has a test of promtool', () => {
    expect(promtool('test', 'rules', 'sluice.rules.test.yml')).toContain('SUCCESS')
    const tests = readFileSync(`${folder}/sluice.rules.test.yml`, 'utf8')
    for (const { alert } of rules) expect(tests).toContain(`alertname: ${alert}`)
  })

  it('stand in docs/alerts.md, with what to do', () => {
    const page = readFileSync(fileURLToPath(new URL('../../docs/alerts.md', import.meta.url)), 'utf8')
    for (const { alert } of rules) expect(page).toContain(`\`${alert}\``)
  })
})

describe('the dashboard for Grafana', () => {
  const dashboard = grafanaDashboard(METRICS)
  const text = `${JSON.stringify(dashboard, null, 2)}\n`

  it('is made of the metrics that exist', async () => {
    await expect(text).toMatchFileSnapshot(`${folder}/sluice.dashboard.json`)
    const shown = namesIn(text)
    for (const name of shown) expect(names).toContain(name)
    const bases = new Set(Object.values(METRICS).map(({ prometheus }) => prometheus))
    const missing = [...bases].filter((base) => !shown.some((name) => name.startsWith(base)))
    // What a chart would say nothing of: one is always 1, the others are of the webhooks and of what is shown beside them.
    expect(missing).toEqual([
      METRICS.config.prometheus,
      METRICS.storeEvictions.prometheus,
      METRICS.quotaOverage.prometheus,
      METRICS.quotaReset.prometheus,
      METRICS.clientDuration.prometheus,
      METRICS.webhookDeliveries.prometheus,
    ])
  })

  it('has expressions that Prometheus understands', () => {
    const expressions = dashboard.panels.flatMap(({ targets = [] }: { targets?: { expr: string }[] }) =>
      targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '5m')),
    )
    expect(expressions.length).toBeGreaterThan(25)
    const file = {
      groups: [{ name: 'x', rules: expressions.map((expr: string, i: number) => ({ record: `r${i}`, expr })) }],
    }
    const rulesFile = join(mkdtempSync(join(tmpdir(), 'sluice-')), 'rules.json')
    writeFileSync(rulesFile, JSON.stringify(file))
    const checked = promtool('check', 'rules', rulesFile)
    expect(checked).toContain(`${expressions.length} rules found`)
  })
})
