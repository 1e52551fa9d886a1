import uPlot from 'uplot'
import { instant } from '../src/report/numbers.ts'
import type { LimitResult } from '../src/result/result.ts'

const HEIGHT = 180

/** Allowed and denied requests over time. */
export function timelineChart(place: HTMLElement, { timeline }: LimitResult): void {
  const starts = timeline.allowed.map((_, i) => (timeline.startMs + i * timeline.widthMs) / 1_000)
  const all = timeline.allowed.map((allowed, i) => allowed + (timeline.denied[i] ?? 0))
  chart(place, [starts, all, [...timeline.denied]], {
    x: {
      time: true,
      label: 'time, UTC',
      values: (_, seconds) => seconds.map((at) => instant(at * 1_000).slice(5, 16)),
    },
    series: [bars('requests', color('--ok')), bars('denied', color('--bad'))],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
  })
}

/** The share that each quota would have denied. */
export function curveChart(place: HTMLElement, { curve }: LimitResult): void {
  const points = curve?.points ?? []
  const units = Math.max(1, curve?.units ?? 0)
  chart(place, [points.map(({ quota }) => quota), points.map((point) => (100 * point.denied) / units)], {
    x: { time: false, label: 'units in a window', distr: 3 },
    series: [{ label: 'denied, %', stroke: color('--bad'), width: 2, value: (_, value) => value?.toFixed(2) ?? '–' }],
  })
}

interface Drawing {
  readonly x: {
    readonly time: boolean
    readonly label: string
    readonly distr?: 1 | 3
    readonly values?: uPlot.Axis.Values
  }
  readonly series: readonly uPlot.Series[]
  readonly tzDate?: (seconds: number) => Date
}

function chart(place: HTMLElement, columns: readonly (readonly number[])[], { x, series, tzDate }: Drawing): void {
  const axis = {
    stroke: color('--quiet'),
    grid: { stroke: color('--edge'), width: 1 },
    ticks: { stroke: color('--edge') },
  }
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      scales: { x: { time: x.time, distr: x.distr ?? 1 }, y: { range: (_, _least, most) => [0, Math.max(1, most)] } },
      axes: [
        { ...axis, label: x.label, labelSize: 20, ...(x.values === undefined ? {} : { values: x.values, space: 90 }) },
        { ...axis, size: 64 },
      ],
      series: [{ label: x.label }, ...series],
      ...(tzDate === undefined ? {} : { tzDate }),
    },
    columns.map((column) => [...column]) as uPlot.AlignedData,
    place,
  )
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place)
}

function bars(label: string, stroke: string): uPlot.Series {
  const paths = uPlot.paths.bars?.({ size: [0.9, 100] })
  return { label, stroke, fill: stroke, ...(paths === undefined ? {} : { paths }), points: { show: false } }
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}
