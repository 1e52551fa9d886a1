import { type JSX, render } from 'preact'
import { exported, snapshot, useApi } from './api.ts'
import { date } from './format.ts'
import { ConfigPage } from './pages/config.tsx'
import { KeyPage } from './pages/key.tsx'
import { LimitPage } from './pages/limit.tsx'
import { LivePage } from './pages/live.tsx'
import { OutboundPage } from './pages/outbound.tsx'
import { OverviewPage } from './pages/overview.tsx'
import { QuotasPage } from './pages/quotas.tsx'
import { linkTo, type Route, useRoute } from './route.ts'
import './style.css'

const PAGES = [
  ['overview', 'Overview'],
  ['live', 'Live'],
  ['key', 'Key'],
  ['quotas', 'Quotas'],
  ['outbound', 'Outbound'],
  ['config', 'Config'],
] as const

function App(): JSX.Element {
  const route = useRoute()
  const { value: me } = useApi<{ role: string; name: string }>('me', 3_600_000)
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      <header>
        <h1>Sluice</h1>
        <nav aria-label="Pages">
          {PAGES.map(([page, title]) => (
            <a key={page} href={linkTo(page)} aria-current={route.page === page ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        {snapshot === undefined ? (
          <button type="button" onClick={() => void save()}>
            Export
          </button>
        ) : (
          <span class="quiet">as of {date(snapshot.at)}</span>
        )}
        {me?.role === 'view' && <span class="tag">read only</span>}
      </header>
      <main id="main" tabIndex={-1}>
        <Page route={route} mayAct={me?.role === 'act'} />
      </main>
    </>
  )
}

function Page({ route, mayAct }: { route: Route; mayAct: boolean }): JSX.Element {
  switch (route.page) {
    case 'limit':
      return <LimitPage route={route} />
    case 'live':
      return <LivePage route={route} />
    case 'key':
      return <KeyPage route={route} mayAct={mayAct} />
    case 'quotas':
      return <QuotasPage />
    case 'outbound':
      return <OutboundPage />
    case 'config':
      return <ConfigPage />
    default:
      return <OverviewPage />
  }
}

async function save(): Promise<void> {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([await exported()], { type: 'text/html' }))
  link.download = `sluice-${new Date().toISOString().slice(0, 16).replace(':', '')}.html`
  link.click()
  URL.revokeObjectURL(link.href)
}

const place = document.getElementById('app')
if (place !== null) render(<App />, place)
