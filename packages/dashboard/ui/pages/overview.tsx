import type { JSX } from 'preact'
import { useApi } from '../api.ts'
import { amount, limitOfKey, type PolicyView, percent, said, time } from '../format.ts'
import { Sparkline, When } from '../parts.tsx'
import { linkTo } from '../route.ts'

interface Overview {
  readonly servers: number
  readonly stores: readonly { readonly url: string; readonly isDegraded: boolean }[]
  readonly limits: readonly {
    readonly name: string
    readonly policies: readonly PolicyView[]
    readonly allowed: readonly number[]
    readonly denied: readonly number[]
    readonly shadow: number
    readonly failedOpen: number
    readonly deniedShare: number
    readonly p99Ms: number | null
  }[]
}

export function OverviewPage(): JSX.Element {
  const loaded = useApi<Overview>('overview')
  return (
    <When loaded={loaded}>
      {({ servers, stores, limits }) => (
        <>
          {stores
            .filter(({ isDegraded }) => isDegraded)
            .map(({ url }) => (
              <p key={url} class="banner bad" role="alert">
                The store {url} does not decide at the moment: onStoreError does.
              </p>
            ))}
          <p class="quiet">
            {servers === 1 ? 'One server' : `${servers} servers`}, {stores.map(({ url }) => url).join(', ')}
          </p>
          {limits.length === 0 && <p>There is no limit with a name yet.</p>}
          <div class="cards">
            {limits.map((limit) => {
              const [allowed, denied] = [total(limit.allowed), total(limit.denied)]
              const summary = `${amount(allowed)} allowed and ${amount(denied)} denied in the last hour`
              return (
                <article key={limit.name}>
                  <h2>
                    <a href={linkTo('limit', { name: limit.name })}>{limit.name}</a>
                  </h2>
                  <ul class="policies">
                    {limit.policies.map((policy) => (
                      <li key={policy.name}>
                        {said(policy)} {policy.mode !== 'enforced' && <span class="tag">{policy.mode}</span>}
                      </li>
                    ))}
                  </ul>
                  <Sparkline
                    allowed={limit.allowed}
                    denied={limit.denied}
                    limit={limitOfKey(limit.policies, 60_000)}
                    label={summary}
                  />
                  <dl>
                    <div>
                      <dt>Allowed</dt>
                      <dd data-count="allowed">{amount(allowed)}</dd>
                    </div>
                    <div>
                      <dt>Denied</dt>
                      <dd data-count="denied">
                        {amount(denied)} ({percent(limit.deniedShare)})
                      </dd>
                    </div>
                    {limit.shadow > 0 && (
                      <div>
                        <dt>Would deny</dt>
                        <dd>{amount(limit.shadow)}</dd>
                      </div>
                    )}
                    {limit.failedOpen > 0 && (
                      <div>
                        <dt>Unlimited</dt>
                        <dd>{amount(limit.failedOpen)}</dd>
                      </div>
                    )}
                    <div>
                      <dt>p99</dt>
                      <dd>{limit.p99Ms === null ? '–' : `≤ ${time(limit.p99Ms)}`}</dd>
                    </div>
                  </dl>
                </article>
              )
            })}
          </div>
        </>
      )}
    </When>
  )
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0)
}
