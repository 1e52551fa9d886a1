import type { JSX } from 'preact'
import { useApi } from '../api.ts'
import { amount, date, percent } from '../format.ts'
import { Bar, KeyName, Table, When } from '../parts.tsx'

interface Quotas {
  readonly rows: readonly {
    readonly limit: string
    readonly policy: string
    readonly key: string
    readonly unit: string
    readonly used: number
    readonly full: number
    readonly over: number
    readonly forecast: number
    readonly endsAt: number
  }[]
}

export function QuotasPage(): JSX.Element {
  const loaded = useApi<Quotas>('quotas', 10_000)
  return (
    <>
      <h2>Quotas</h2>
      <p class="quiet">Of the keys that used most in the last two hours.</p>
      <When loaded={loaded}>
        {({ rows }) => (
          <Table
            caption="Calendar quotas"
            empty="No calendar quota was used in the last two hours."
            head={['Key', 'Policy', 'Used', 'Over', 'At the end', 'Ends']}
            rows={rows.map(({ limit, policy, key, unit, used, full, over, forecast, endsAt }) => [
              <KeyName key={key} name={key} limit={limit} />,
              policy,
              <>
                <Bar share={used / full} label={percent(used / full)} /> {amount(used)} of {amount(full)} {unit}
              </>,
              over === 0 ? '' : amount(over),
              <span class={forecast > full ? 'bad' : ''}>
                {amount(forecast)} ({percent(forecast / full)})
              </span>,
              date(endsAt),
            ])}
          />
        )}
      </When>
    </>
  )
}
