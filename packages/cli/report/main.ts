import { count, instant, percent, whole } from '../src/report/numbers.ts'
import { fileLines, limitFacts, scope, title } from '../src/report/simulation-rows.ts'
import type { LimitResult, SimulationResult } from '../src/result/result.ts'
import { curveChart, timelineChart } from './charts.ts'
import { element, keyTable } from './elements.ts'
import './style.css'

const result = JSON.parse(document.getElementById('result')?.textContent ?? '{}') as SimulationResult
const main = document.getElementById('main')
const span = document.getElementById('span')

if (span !== null) {
  span.textContent = `${fileLines(result).join('; ')}. ${instant(result.firstAt)} to ${instant(result.lastAt)} UTC.`
}
main?.append(...result.limits.map(limitSection), notesSection())
// A chart needs to know how wide it is.
for (const chart of document.querySelectorAll<HTMLElement>('[data-limit]')) draw(chart)

function limitSection(limit: LimitResult, index: number): HTMLElement {
  const facts = limitFacts(limit).map(([name, value]) =>
    element('div', {}, element('dt', {}, name), element('dd', { class: classOf(name, limit) }, value)),
  )
  const section = element(
    'section',
    { 'aria-label': title(limit) },
    element('h2', {}, title(limit)),
    element('p', { class: 'quiet' }, scope(limit)),
    element('dl', {}, ...facts),
    element('h3', {}, 'Requests over time'),
    element('div', { 'data-limit': String(index), 'data-chart': 'timeline' }),
  )
  if (limit.curve !== null && limit.curve.points.length > 1) section.append(...slider(limit, index))
  if (limit.topKeys.length > 0) section.append(element('h3', {}, 'Keys denied most'), keyTable(limit))
  return section
}

function classOf(name: string, { denied }: LimitResult): string {
  return name === 'denied' && denied > 0 ? 'bad' : ''
}

/** What any other quota would have denied, by the curve. */
function slider(limit: LimitResult, index: number): readonly HTMLElement[] {
  const points = limit.curve?.points ?? []
  const id = `quota-${index}`
  const input = element('input', { type: 'range', id, min: '0', max: String(points.length - 1), step: '1' })
  const output = element('output', { for: id })
  const show = (): void => {
    const point = points[Number(input.value)]
    if (point === undefined) return
    const units = limit.curve?.units ?? 0
    output.textContent =
      `${whole(point.quota)} in each window of ${windowText(limit)}: about ${percent(point.denied / Math.max(1, units))} ` +
      `denied (${whole(point.denied)} units), ${count(point.keys, 'key')} of ${whole(limit.keys)}.`
  }
  input.value = String(points.findIndex(({ quota }) => quota === limit.curve?.quota))
  input.addEventListener('input', show)
  show()
  return [
    element('h3', {}, 'Another quota'),
    element(
      'div',
      { class: 'slider' },
      element('label', { for: id }, 'Units in a window, estimated by fixed windows'),
      input,
    ),
    output,
    element('div', { 'data-limit': String(index), 'data-chart': 'curve' }),
  ]
}

function windowText({ curve }: LimitResult): string {
  const seconds = (curve?.windowMs ?? 0) / 1_000
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`
}

function draw(place: HTMLElement): void {
  const limit = result.limits[Number(place.dataset['limit'])]
  if (limit === undefined) return
  if (place.dataset['chart'] === 'timeline') timelineChart(place, limit)
  else curveChart(place, limit)
}

function notesSection(): HTMLElement {
  const notes = result.notes.map((note) => element('li', {}, note))
  return element('section', { 'aria-label': 'Notes' }, element('h2', {}, 'Notes'), element('ul', {}, ...notes))
}
