import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { snapshot } from '../api.ts'
import { amount, clock, time } from '../format.ts'
import { KeyName, Table } from '../parts.tsx'
import { choose, linkTo, type Route } from '../route.ts'

interface Row {
  readonly at: number
  readonly limit: string
  readonly key: string
  readonly cost: number
  readonly result: 'allowed' | 'denied' | 'shadow'
  readonly policy?: string
  readonly remaining?: number
  readonly retryAfterMs: number | null
  readonly route?: string
}

interface Tick {
  readonly decisions: number
  readonly suppressed: number
  readonly isDegraded: boolean
  readonly rows: readonly Row[]
}

const MOST = 200

export function LivePage({ route }: { route: Route }): JSX.Element {
  const filter = route.query.get('filter') ?? ''
  const isPaused = route.query.get('pause') === '1'
  const paused = useRef(isPaused)
  paused.current = isPaused
  const [rows, setRows] = useState<readonly Row[]>([])
  const [tick, setTick] = useState<Tick>()
  const [isConnected, setConnected] = useState(false)
  useEffect(() => {
    if (snapshot !== undefined) return
    // It connects again by itself.
    const source = new EventSource('api/live')
    source.onopen = () => setConnected(true)
    source.onerror = () => setConnected(false)
    source.onmessage = ({ data }) => {
      if (paused.current) return
      const next = JSON.parse(data) as Tick
      setTick(next)
      if (next.rows.length > 0) setRows((before) => [...next.rows, ...before].slice(0, MOST))
    }
    return () => source.close()
  }, [])
  const shown = rows.filter((row) => `${row.limit} ${row.key} ${row.result} ${row.route ?? ''}`.includes(filter))
  return (
    <>
      <h2>Live</h2>
      <div class="bar">
        <button type="button" aria-pressed={isPaused} onClick={() => choose(route, { pause: isPaused ? '' : '1' })}>
          {isPaused ? 'Go on' : 'Pause'}
        </button>
        <label>
          Filter{' '}
          <input
            type="search"
            value={filter}
            onInput={({ currentTarget }) => choose(route, { filter: currentTarget.value })}
          />
        </label>
        <span role="status" class="quiet">
          {isConnected ? 'Connected' : 'Connecting …'}
          {tick !== undefined &&
            `, ${amount(tick.decisions)} decisions a second, ${amount(tick.suppressed)} of them not shown`}
        </span>
      </div>
      {tick?.isDegraded && (
        <p class="banner bad" role="alert">
          A store does not decide at the moment.
        </p>
      )}
      <Table
        caption="Decisions of this server, denials first"
        empty="Nothing has been decided since this page was opened."
        head={['Time', 'Result', 'Limit', 'Key', 'Route', 'Left', 'Retry after']}
        rows={shown.map((row) => [
          clock(row.at),
          <span class={row.result === 'denied' ? 'bad' : row.result === 'shadow' ? 'near' : 'ok'}>{row.result}</span>,
          <a href={linkTo('limit', { name: row.limit })}>{row.limit}</a>,
          <KeyName key={row.key} name={row.key} limit={row.limit} />,
          row.route ?? '',
          row.remaining === undefined ? '' : amount(row.remaining),
          row.result !== 'denied' ? '' : row.retryAfterMs === null ? 'never' : time(row.retryAfterMs),
        ])}
      />
    </>
  )
}
