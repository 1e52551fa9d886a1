// The Grafana dashboard of packages/metrics/alerts, made of the metrics' own names: `npx vitest run test/metrics/alerts.test.ts -u` writes it.

/** A dashboard for Grafana 10 and newer, for every limit, store and client that Prometheus scrapes. */
export function grafanaDashboard(METRICS) {
  const name = (metric, suffix = '') => METRICS[metric].prometheus + suffix
  const where = (labels = '') => `{instance=~"$instance"${labels === '' ? '' : `,${labels}`}}`
  const rate = (metric, labels, suffix) => `rate(${name(metric, suffix)}${where(labels)}[$__rate_interval])`
  const sum = (by, expression) => `sum${by === '' ? '' : ` by (${by})`} (${expression})`
  const quantile = (q, by, metric, labels) =>
    `histogram_quantile(${q}, ${sum(by === '' ? 'le' : `${by}, le`, rate(metric, labels, '_bucket'))})`
  const LIMIT = 'limit=~"$limit"'
  const denied = `${LIMIT},result=~"limited|banned|failed_closed"`

  const rows = [
    [
      'Now',
      stat('Requests a second', 'reqps', sum('', rate('requests', LIMIT))),
      stat('Denied', 'percentunit', `${sum('', rate('requests', denied))} / ${sum('', rate('requests', LIMIT))}`),
      stat('Let through unlimited (failed open)', 'reqps', sum('', rate('requests', `${LIMIT},result="failed_open"`))),
      stat('A decision, p99', 's', quantile(0.99, '', 'decisionDuration', LIMIT)),
      stat('Stores that do not decide', 'short', `sum(max by (store) (${name('storeDegraded')}${where()}))`),
    ],
    [
      'Requests',
      graph(
        'By what became of them',
        'reqps',
        [['{{limit}} {{result}}', sum('limit, result', rate('requests', LIMIT))]],
        true,
      ),
      graph('Denied, by policy and reason', 'reqps', [
        ['{{policy}} {{reason}}', sum('policy, reason', rate('requests', denied))],
      ]),
      graph('Units a second, and the limit of one key', 'short', [
        ['{{policy}} taken', sum('policy', rate('units', `${LIMIT},result="allowed"`))],
        [
          '{{policy}} limit',
          `max by (policy) (${name('limit')}${where(LIMIT)}) / on (policy) max by (policy) (${name('period')}${where(LIMIT)})`,
        ],
      ]),
    ],
    [
      'How close clients come',
      heatmap('Used share after each request', 'percentunit', sum('le', rate('utilization', LIMIT, '_bucket'))),
      graph('Near the limit (80 % and more)', 'percentunit', [
        ['{{policy}}', `${sum('policy', rate('nearLimit', LIMIT))} / ${sum('policy', rate('evaluations', LIMIT))}`],
      ]),
    ],
    [
      'Store',
      graph('Time to answer', 's', [
        ['{{store}} p50', quantile(0.5, 'store', 'storeDuration')],
        ['{{store}} p99', quantile(0.99, 'store', 'storeDuration')],
      ]),
      graph('Errors', 'short', [['{{store}} {{error_type}}', sum('store, error_type', rate('storeErrors'))]]),
      graph('Round trips, and denials that needed none', 'short', [
        ['{{store}} round trips', sum('store', rate('storeRoundTrips'))],
        ['{{store}} remembered denials', sum('store', rate('rememberedDenials'))],
      ]),
      graph('Buckets in memory', 'short', [['{{instance}}', `${name('storeEntries')}${where()}`]]),
    ],
    [
      'Concurrency',
      graph('Slots held', 'short', [['{{policy}}', sum('policy', `${name('activeLeases')}${where()}`)]]),
      graph('Waiting', 'short', [['{{policy}}', sum('policy', `${name('queuedRequests')}${where()}`)]]),
      graph('Time in the queue, p95', 's', [['{{policy}}', quantile(0.95, 'policy', 'timeInQueue', LIMIT)]]),
      graph('Time held, p95', 's', [['{{policy}}', quantile(0.95, 'policy', 'leaseDuration', LIMIT)]]),
    ],
    [
      'Quotas and bans',
      graph('Used of quotas that are watched (quotaKeys)', 'percentunit', [
        [
          '{{key}} {{policy}}',
          `max by (key, policy) (${name('quotaUsage')}${where(LIMIT)}) / max by (key, policy) (${name('quotaLimit')}${where(LIMIT)})`,
        ],
      ]),
      graph('Shares that were crossed', 'short', [
        [
          '{{policy}} {{threshold}}',
          `sum by (policy, threshold) (increase(${name('quotaCrossings')}${where(LIMIT)}[$__rate_interval]))`,
        ],
      ]),
      graph('Bans', 'short', [
        ['{{limit}}', `sum by (limit) (increase(${name('bans')}${where(LIMIT)}[$__rate_interval]))`],
      ]),
    ],
    [
      'Outbound',
      graph('Requests by result', 'reqps', [['{{peer}} {{result}}', sum('peer, result', rate('clientRequests'))]]),
      graph('Retries, and calls given up', 'reqps', [
        ['{{peer}} retries', sum('peer', rate('clientRetries'))],
        ['{{peer}} given up', sum('peer', rate('clientGivenUp'))],
      ]),
      graph('Time waited, p95', 's', [['{{peer}} {{reason}}', quantile(0.95, 'peer, reason', 'clientWaits')]]),
      graph('Breakers (2 is open) and gates (1 is closed)', 'short', [
        ['{{peer}} breaker', `max by (peer) (${name('clientBreaker')}${where()})`],
        ['{{peer}} gate', `max by (peer) (${name('clientGate')}${where()})`],
      ]),
    ],
  ]
  return {
    uid: 'sluice',
    title: 'Sluice: rate limits',
    tags: ['sluice', 'rate-limiting'],
    schemaVersion: 39,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus' },
        variable('instance', `label_values(${name('requests')}, instance)`),
        variable('limit', `label_values(${name('requests')}, limit)`),
      ],
    },
    panels: placed(rows),
  }
}

function variable(name, query) {
  return {
    name,
    type: 'query',
    datasource: SOURCE,
    query,
    definition: query,
    refresh: 2,
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  }
}

const SOURCE = { type: 'prometheus', uid: '$datasource' }

function stat(title, unit, expr) {
  return { title, type: 'stat', targets: [target(expr)], fieldConfig: fieldsOf(unit), height: 4 }
}

function graph(title, unit, lines, isStacked = false) {
  const custom = isStacked ? { stacking: { mode: 'normal' }, fillOpacity: 20 } : {}
  const targets = lines.map(([legendFormat, expr], i) => ({ ...target(expr, i), legendFormat }))
  return { title, type: 'timeseries', targets, fieldConfig: fieldsOf(unit, custom), height: 8 }
}

function heatmap(title, unit, expr) {
  return {
    title,
    type: 'heatmap',
    targets: [{ ...target(expr), format: 'heatmap', legendFormat: '{{le}}' }],
    options: { calculate: false, yAxis: { unit } },
    fieldConfig: fieldsOf(unit),
    height: 8,
  }
}

function target(expr, i = 0) {
  return { refId: String.fromCharCode(65 + i), datasource: SOURCE, expr }
}

function fieldsOf(unit, custom = {}) {
  return { defaults: { unit, custom }, overrides: [] }
}

/** One row after the other, each 24 wide. */
function placed(rows) {
  const panels = []
  let y = 0
  for (const [title, ...row] of rows) {
    panels.push({ id: panels.length + 1, type: 'row', title, gridPos: { x: 0, y, w: 24, h: 1 } })
    y += 1
    const w = Math.floor(24 / row.length)
    for (const [i, { height: h, ...panel }] of row.entries()) {
      panels.push({ id: panels.length + 1, datasource: SOURCE, ...panel, gridPos: { x: i * w, y, w, h } })
    }
    y += row[0].height
  }
  return panels
}
