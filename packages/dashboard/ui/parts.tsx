import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import type { Loaded } from './api.ts'
import { amount } from './format.ts'
import { linkTo } from './route.ts'

/** A page's content once it is there; a sentence until then, and when it cannot be read. */
export function When<T>({
  loaded,
  children,
}: {
  loaded: Loaded<T>
  children: (value: T) => ComponentChildren
}): JSX.Element {
  const { value, error } = loaded
  return (
    <>
      {error !== undefined && (
        <p class="banner bad" role="alert">
          {error}
        </p>
      )}
      {value === undefined ? error === undefined && <p class="quiet">Loading …</p> : children(value)}
    </>
  )
}

/** A line without axes: what was allowed, and above it what was denied. */
export function Sparkline({
  allowed,
  denied,
  limit,
  label,
}: {
  allowed: readonly number[]
  denied: readonly number[]
  /** What one key may use in a bar's time; shown where the bars come near it. */
  limit: number | undefined
  label: string
}): JSX.Element {
  const most = Math.max(1, ...allowed.map((one, i) => one + (denied[i] ?? 0)))
  const width = 240
  const height = 48
  const step = width / allowed.length
  const bar = (value: number, below: number, i: number, kind: string): JSX.Element | null =>
    value === 0 ? null : (
      <rect
        class={kind}
        x={i * step}
        width={Math.max(1, step - 1)}
        y={height - ((value + below) / most) * height}
        height={(value / most) * height}
      />
    )
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {allowed.map((one, i) => bar(one, 0, i, 'ok'))}
      {denied.map((one, i) => bar(one, allowed[i] ?? 0, i, 'bad'))}
      {limit !== undefined && limit <= most && (
        <line
          class="limit"
          x1={0}
          x2={width}
          y1={height - (limit / most) * height}
          y2={height - (limit / most) * height}
        />
      )}
    </svg>
  )
}

export interface Line {
  readonly label: string
  readonly values: readonly (number | null)[]
  /** The name of a colour of the style sheet. */
  readonly colour: string
  readonly dashed?: boolean
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()

/** The time of a day, or at midnight the day. */
function shortTime(seconds: number): string {
  const at = new Date(seconds * 1_000)
  return at.getHours() === 0 && at.getMinutes() === 0
    ? at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
    : at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
}

/** A key that can be looked up: not one that is hidden or cut. */
export function KeyName({ name, limit }: { name: string; limit: string }): JSX.Element {
  if (name.startsWith('#') || name.endsWith('…')) return <code>{name}</code>
  return <a href={linkTo('key', { key: name, limit })}>{name}</a>
}

/** Lines over time, and the same numbers as a table for those who cannot see them. */
export function Chart({
  starts,
  lines,
  label,
}: {
  starts: readonly number[]
  lines: readonly Line[]
  label: string
}): JSX.Element {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const node = place.current
    if (node === null) return
    const chart = new uPlot(
      {
        width: Math.max(280, node.clientWidth),
        height: 220,
        legend: { live: true },
        axes: [
          { stroke: colour('quiet'), grid: { stroke: colour('edge') }, values: (_, all) => all.map(shortTime) },
          { stroke: colour('quiet'), grid: { stroke: colour('edge') }, size: 60, values: (_, all) => all.map(amount) },
        ],
        series: [
          { value: (_, seconds) => (seconds === null ? '' : new Date(seconds * 1_000).toLocaleString('en-GB')) },
          ...lines.map(({ label: name, colour: own, dashed }) => ({
            label: name,
            stroke: colour(own),
            width: 2,
            ...(dashed ? { dash: [6, 4] } : { fill: `${colour(own)}22` }),
            points: { show: false },
          })),
        ],
      },
      [starts.map((ms) => ms / 1_000), ...lines.map(({ values }) => [...values])] as uPlot.AlignedData,
      node,
    )
    const resized = new ResizeObserver(() => chart.setSize({ width: Math.max(280, node.clientWidth), height: 220 }))
    resized.observe(node)
    return () => {
      resized.disconnect()
      chart.destroy()
    }
  }, [starts, lines])
  return (
    <figure>
      <figcaption>{label}</figcaption>
      <div ref={place} class="chart" role="img" aria-label={label} />
      <details>
        <summary>As a table</summary>
        <Table
          caption={label}
          head={['Time', ...lines.map(({ label: name }) => name)]}
          rows={starts.map((ms, i) => [
            new Date(ms).toLocaleString('en-GB'),
            ...lines.map(({ values }) => amount(values[i] ?? 0)),
          ])}
        />
      </details>
    </figure>
  )
}

export function Table({
  caption,
  head,
  rows,
  empty = 'Nothing yet.',
}: {
  caption: string
  head: readonly string[]
  rows: readonly (readonly ComponentChildren[])[]
  empty?: string
}): JSX.Element {
  if (rows.length === 0) return <p class="quiet">{empty}</p>
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section class="scroll" tabIndex={0} aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {head.map((cell) => (
              <th key={cell} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              {row.map((cell, j) => (
                <td key={j}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** How much of something is used: green, from 80 % on yellow, and red when it is used up. */
export function Bar({ share, label }: { share: number; label: string }): JSX.Element {
  return (
    <meter min={0} max={1} low={0.8} high={0.9999} optimum={0} value={Math.min(1, share)} aria-label={label}>
      {label}
    </meter>
  )
}
