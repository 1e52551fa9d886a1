import type { JSX } from 'preact'
import { useApi } from '../api.ts'
import { amount, date } from '../format.ts'
import { Table, When } from '../parts.tsx'

interface Outbound {
  readonly peers: readonly {
    readonly key: string
    readonly calls: number
    readonly limits: readonly {
      readonly name: string
      readonly limit: number | null
      readonly remaining: number | null
      readonly resetAt: number | null
    }[]
    readonly gateClosedUntil?: number
    readonly paced: number
    readonly queued: number
    readonly breaker?: string
  }[]
}

export function OutboundPage(): JSX.Element {
  const loaded = useApi<Outbound>('outbound', 2_000)
  return (
    <>
      <h2>Outbound</h2>
      <When loaded={loaded}>
        {({ peers }) => (
          <Table
            caption="APIs that this server calls"
            empty="No client is shown here: dashboard([limit, api]) shows those of @sluice/client too."
            head={['Peer', 'Calls', 'Waiting', 'Breaker', 'Gate', 'Limits']}
            rows={peers.map(({ key, calls, paced, queued, breaker, gateClosedUntil, limits }) => [
              key,
              amount(calls),
              amount(paced + queued),
              <span class={breaker === 'open' ? 'bad' : ''}>{breaker ?? ''}</span>,
              gateClosedUntil === undefined ? 'open' : <span class="near">closed until {date(gateClosedUntil)}</span>,
              limits
                .map(({ name, limit, remaining }) => `${name}: ${remaining ?? '?'} of ${limit ?? '?'} left`)
                .join(', '),
            ])}
          />
        )}
      </When>
    </>
  )
}
