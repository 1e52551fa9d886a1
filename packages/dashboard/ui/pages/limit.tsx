import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { useApi } from '../api.ts'
import { amount, clock, limitOfKey, type PolicyView, percent, said, time } from '../format.ts'
import { Bar, Chart, KeyName, type Line, Table, When } from '../parts.tsx'
import { choose, type Route } from '../route.ts'

interface LimitView {
  readonly name: string
  readonly everyMs: number
  readonly starts: readonly number[]
  readonly policies: readonly (PolicyView & { readonly utilization: readonly number[] })[]
  readonly allowed: readonly number[]
  readonly denied: readonly number[]
  readonly before: { readonly allowed: readonly number[]; readonly denied: readonly number[] }
  readonly results: Readonly<Record<string, number>>
  readonly topDenied: readonly { readonly key: string; readonly count: number }[]
  readonly topUnits: readonly { readonly key: string; readonly count: number }[]
  readonly near: readonly { readonly key: string; readonly share: number }[]
  readonly recent: readonly {
    readonly at: number
    readonly key: string
    readonly policy?: string
    readonly route?: string
    readonly retryAfterMs: number | null
  }[]
}

const RANGES = ['hour', 'day', 'week'] as const
const SHARES = ['10 %', '25 %', '50 %', '75 %', '80 %', '90 %', '95 %', '100 %', '120 %', '200 %', 'more']

export function LimitPage({ route }: { route: Route }): JSX.Element {
  const name = route.query.get('name') ?? ''
  const range = route.query.get('range') ?? 'hour'
  const hasBefore = route.query.get('before') === '1'
  const loaded = useApi<LimitView>(`policy?${new URLSearchParams({ limit: name, range })}`)
  return (
    <>
      <h2>{name}</h2>
      <fieldset class="bar" aria-label="What is shown">
        {RANGES.map((one) => (
          <button key={one} type="button" aria-pressed={one === range} onClick={() => choose(route, { range: one })}>
            {one}
          </button>
        ))}
        <label>
          <input
            type="checkbox"
            checked={hasBefore}
            onChange={({ currentTarget }) => choose(route, { before: currentTarget.checked ? '1' : '' })}
          />{' '}
          the {range} before
        </label>
      </fieldset>
      <When loaded={loaded}>{(view) => <Limit view={view} hasBefore={hasBefore} />}</When>
    </>
  )
}

function Limit({ view, hasBefore }: { view: LimitView; hasBefore: boolean }): JSX.Element {
  const { name, starts, allowed, denied, before, everyMs, policies } = view
  const lines = useMemo((): readonly Line[] => {
    const own: Line[] = [
      { label: 'allowed', values: allowed, colour: 'ok' },
      { label: 'denied', values: denied, colour: 'bad' },
    ]
    if (hasBefore) {
      own.push({ label: 'allowed before', values: before.allowed, colour: 'quiet', dashed: true })
      own.push({ label: 'denied before', values: before.denied, colour: 'near', dashed: true })
    }
    const most = limitOfKey(policies, everyMs)
    if (most !== undefined) {
      own.push({ label: 'limit of one key', values: starts.map(() => most), colour: 'link', dashed: true })
    }
    return own
  }, [view, hasBefore])
  const keyLink = (key: string): JSX.Element => <KeyName name={key} limit={name} />
  return (
    <>
      <Chart starts={starts} lines={lines} label={`Requests to ${name}`} />
      <Table
        caption="What became of requests"
        head={['Result', 'Requests']}
        rows={Object.entries(view.results)
          .filter(([, count]) => count > 0)
          .map(([result, count]) => [result.replaceAll('_', ' '), amount(count)])}
      />
      <section>
        <h3>How close to the limit</h3>
        {policies.map((policy) => {
          const all = policy.utilization.reduce((sum, one) => sum + one, 0)
          return (
            <div key={policy.name}>
              <h4>
                {policy.name}: {said(policy)} {policy.mode !== 'enforced' && <span class="tag">{policy.mode}</span>}
              </h4>
              <Table
                caption={`Used share of ${policy.name} after each request`}
                head={['Up to', 'Requests', 'Share']}
                rows={policy.utilization.flatMap((count, i) =>
                  count === 0 ? [] : [[SHARES[i], amount(count), percent(count / all)]],
                )}
              />
            </div>
          )
        })}
      </section>
      <div class="columns">
        <Table
          caption="Keys with most denials (two hours)"
          head={['Key', 'Denials']}
          rows={view.topDenied.map(({ key, count }) => [keyLink(key), amount(count)])}
        />
        <Table
          caption="Keys with most units (two hours)"
          head={['Key', 'Units']}
          rows={view.topUnits.map(({ key, count }) => [keyLink(key), amount(count)])}
        />
        <Table
          caption="Keys near the limit"
          head={['Key', 'Used']}
          rows={view.near.map(({ key, share }) => [
            keyLink(key),
            <>
              <Bar share={share} label={percent(share)} /> {percent(share)}
            </>,
          ])}
        />
      </div>
      <Table
        caption="Last denials of this server"
        head={['Time', 'Key', 'Policy', 'Route', 'Retry after']}
        rows={view.recent.map(({ at, key, policy, route, retryAfterMs }) => [
          clock(at),
          keyLink(key),
          policy ?? '',
          route ?? '',
          retryAfterMs === null ? 'never' : time(retryAfterMs),
        ])}
      />
    </>
  )
}
