import type { JSX } from 'preact'
import { useApi } from '../api.ts'
import { date, type PolicyView, said } from '../format.ts'
import { Table, When } from '../parts.tsx'

interface Config {
  readonly stores: readonly { readonly url: string; readonly prefix: string | null }[]
  readonly limits: readonly { readonly name: string; readonly policies: readonly PolicyView[] }[]
}

interface Audit {
  readonly entries: readonly {
    readonly at: number
    readonly who: string
    readonly action: string
    readonly limit: string
    readonly key: string
    readonly before: string
    readonly after: string
  }[]
}

export function ConfigPage(): JSX.Element {
  const config = useApi<Config>('config', 30_000)
  const audit = useApi<Audit>('audit', 10_000)
  return (
    <>
      <h2>Config</h2>
      <When loaded={config}>
        {({ limits, stores }) => (
          <>
            <p class="quiet">
              {stores.map(({ url, prefix }) => (prefix === null ? url : `${url} (${prefix})`)).join(', ')}
            </p>
            <Table
              caption="Policies that are in force on this server"
              head={['Limit', 'Policy', 'Rate', 'Algorithm', 'Mode', 'Plan']}
              rows={limits.flatMap(({ name, policies }) =>
                policies.map((policy) => [
                  name,
                  policy.name,
                  said(policy),
                  policy.algorithm,
                  policy.mode,
                  policy.plan ?? '',
                ]),
              )}
            />
          </>
        )}
      </When>
      <When loaded={audit}>
        {({ entries }) => (
          <Table
            caption="Who changed what"
            empty="Nobody has changed anything from here."
            head={['When', 'Who', 'Action', 'Limit', 'Key', 'Before', 'After']}
            rows={entries.map((one) => [date(one.at), one.who, one.action, one.limit, one.key, one.before, one.after])}
          />
        )}
      </When>
    </>
  )
}
