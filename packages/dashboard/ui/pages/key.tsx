import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { act, snapshot, useApi } from '../api.ts'
import { amount, date, percent, time } from '../format.ts'
import { Bar, Table, When } from '../parts.tsx'
import { choose, type Route } from '../route.ts'

interface KeyView {
  readonly key: string
  readonly at: number
  readonly limits: readonly LimitOfKey[]
}

interface LimitOfKey {
  readonly limit: string
  readonly error?: string
  readonly policies?: readonly {
    readonly name: string
    readonly quota: number
    readonly unit: string
    readonly used: number
    readonly remaining: number
    readonly granted: number
    readonly over: number
    readonly resetAfterMs: number | null
    readonly period: { readonly start: number; readonly end: number | null } | null
  }[]
  readonly override?: {
    readonly key: string
    readonly to: string
    readonly expiresAt: number | null
    readonly reason: string
  } | null
  readonly ban?: { readonly until: number | null; readonly times: number } | null
  readonly plan?: string | null
  readonly history?: Readonly<Record<string, readonly { readonly start: number; readonly used: number }[]>>
}

export function KeyPage({ route, mayAct }: { route: Route; mayAct: boolean }): JSX.Element {
  const key = route.query.get('key') ?? ''
  const limit = route.query.get('limit') ?? ''
  const [typed, setTyped] = useState(key)
  useEffect(() => setTyped(key), [key])
  const loaded = useApi<KeyView>(key === '' ? undefined : `key?${new URLSearchParams({ key, limit })}`, 2_000)
  return (
    <>
      <h2>Key</h2>
      <form
        class="bar"
        onSubmit={(event) => {
          event.preventDefault()
          choose(route, { key: typed.trim(), limit: '' })
        }}
      >
        <label>
          Key{' '}
          <input
            type="search"
            name="key"
            value={typed}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
        <button type="submit">Look up</button>
      </form>
      {key !== '' && (
        <When loaded={loaded}>
          {(view) => (
            <>
              {view.limits.map((one) => (
                <section key={one.limit} class="card">
                  <h3>
                    {one.limit} {one.plan && <span class="tag">{one.plan}</span>}
                  </h3>
                  {one.error === undefined ? <State one={one} at={view.at} /> : <p class="quiet">{one.error}</p>}
                  {mayAct && snapshot === undefined && <Actions one={one} shownKey={key} done={loaded.again} />}
                </section>
              ))}
            </>
          )}
        </When>
      )}
    </>
  )
}

function State({ one, at }: { one: LimitOfKey; at: number }): JSX.Element {
  const { policies = [], override, ban, history = {} } = one
  return (
    <>
      {ban && (
        <p class="banner bad">
          Banned {ban.until === null ? 'for good' : `until ${date(ban.until)}`}
          {ban.times > 1 && `, ${ban.times} times in a row`}.
        </p>
      )}
      {override && (
        <p class="banner near">
          Overridden: {override.to}
          {override.expiresAt !== null && `, until ${date(override.expiresAt)}`}
          {override.reason && ` (${override.reason})`}.
        </p>
      )}
      <Table
        caption={`State under ${one.limit}`}
        empty="The policies of this limit depend on the request, so a key alone has no state to show."
        head={['Policy', 'Used', 'Left', 'Resets']}
        rows={policies.map(({ name, quota, used, remaining, granted, over, resetAfterMs }) => {
          const full = quota + granted
          return [
            name,
            <>
              <Bar share={used / full} label={percent(used / full)} /> {amount(used)} of {amount(full)}
              {over > 0 && ` (${amount(over)} over)`}
            </>,
            amount(remaining),
            <Countdown key={name} until={resetAfterMs === null ? null : at + resetAfterMs} />,
          ]
        })}
      />
      {Object.entries(history)
        .filter(([, periods]) => periods.length > 0)
        .map(([name, periods]) => (
          <Table
            key={name}
            caption={`Past periods of ${name}`}
            head={['From', 'Used']}
            rows={periods.map(({ start, used }) => [date(start), amount(used)])}
          />
        ))}
    </>
  )
}

function Countdown({ until }: { until: number | null }): JSX.Element {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [])
  if (until === null) return <>never</>
  return <>{until <= now ? 'now' : `in ${time(until - now)}`}</>
}

function Actions({ one, shownKey: key, done }: { one: LimitOfKey; shownKey: string; done: () => void }): JSX.Element {
  const { limit } = one
  const isBanned = one.ban != null
  const isOverridden = one.override != null
  const hasQuota = one.policies?.some(({ period }) => period !== null) === true
  const [said, setSaid] = useState<{ text: string; isBad: boolean }>()
  const [ban, setBan] = useState('1h')
  const [to, setTo] = useState('')
  const [days, setDays] = useState('')
  const [units, setUnits] = useState('')
  const run = async (body: Readonly<Record<string, unknown>>): Promise<void> => {
    try {
      const { before, after } = await act({ limit, key, ...body })
      setSaid({ text: `Done. Before: ${before || 'nothing'}. Now: ${after || 'nothing'}.`, isBad: false })
    } catch (error) {
      setSaid({ text: (error as Error).message, isBad: true })
    }
    done()
  }
  const expiresAt = Number(days) > 0 ? Date.now() + Number(days) * 86_400_000 : undefined
  return (
    <details open>
      <summary>Change</summary>
      <fieldset class="bar" aria-label={`Usage under ${limit}`}>
        <button type="button" onClick={() => run({ action: 'reset' })}>
          Reset usage
        </button>
        {hasQuota && (
          <>
            <label>
              Units{' '}
              <input
                size={8}
                inputMode="numeric"
                value={units}
                onInput={({ currentTarget }) => setUnits(currentTarget.value)}
              />
            </label>
            <button
              type="button"
              disabled={!(Number(units) > 0)}
              onClick={() => run({ action: 'grant', units: Number(units) })}
            >
              Grant units
            </button>
          </>
        )}
      </fieldset>
      <fieldset class="bar" aria-label={`Ban under ${limit}`}>
        {isBanned ? (
          <button type="button" onClick={() => run({ action: 'unban' })}>
            Lift the ban
          </button>
        ) : (
          <>
            <label>
              Time <input size={6} value={ban} onInput={({ currentTarget }) => setBan(currentTarget.value)} />
            </label>
            <button type="button" onClick={() => run({ action: 'ban', for: ban })}>
              Ban
            </button>
          </>
        )}
      </fieldset>
      <fieldset class="bar" aria-label={`Override under ${limit}`}>
        <label>
          Limit{' '}
          <input
            size={14}
            placeholder="500/min"
            value={to}
            onInput={({ currentTarget }) => setTo(currentTarget.value)}
          />
        </label>
        <label>
          Days{' '}
          <input
            size={4}
            inputMode="numeric"
            value={days}
            onInput={({ currentTarget }) => setDays(currentTarget.value)}
          />
        </label>
        <button type="button" disabled={to === ''} onClick={() => run({ action: 'override', to, expiresAt })}>
          Override
        </button>
        {isOverridden && (
          <button type="button" onClick={() => run({ action: 'override', to: '' })}>
            Remove the override
          </button>
        )}
      </fieldset>
      <p role="status" class={said?.isBad ? 'bad' : 'quiet'}>
        {said?.text}
      </p>
    </details>
  )
}
