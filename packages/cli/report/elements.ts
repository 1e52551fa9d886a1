import { KEY_COLUMNS, keyRows, title as titleOf } from '../src/report/simulation-rows.ts'
import type { LimitResult } from '../src/result/result.ts'

/** An element with attributes; texts are texts, whatever a log wrote into them. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) if (value !== '') made.setAttribute(attribute, value)
  made.append(...children)
  return made
}

export function keyTable(limit: LimitResult): HTMLElement {
  const rows = keyRows(limit).map((row, i) => {
    const cells = row.slice(0, -1).map((cell) => element('td', {}, cell))
    return element('tr', {}, ...cells, element('td', {}, line(limit.topKeys[i]?.line ?? [])))
  })
  const head = KEY_COLUMNS.map(({ title }) => element('th', { scope: 'col' }, title))
  const table = element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows))
  return element(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Keys denied most by ${titleOf(limit)}` },
    table,
  )
}

const SVG = 'http://www.w3.org/2000/svg'

/** Bars of a key's denials over time. */
function line(counts: readonly number[]): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('width', '120')
  svg.setAttribute('height', '20')
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', `denials over time: ${counts.join(', ')}`)
  const most = Math.max(...counts, 1)
  const width = 120 / Math.max(1, counts.length)
  for (const [i, count] of counts.entries()) {
    const height = (20 * count) / most
    const bar = document.createElementNS(SVG, 'rect')
    const values = { x: i * width, y: 20 - height, width: Math.max(1, width - 1), height }
    for (const [name, value] of Object.entries(values)) bar.setAttribute(name, String(value))
    bar.setAttribute('fill', 'currentColor')
    svg.append(bar)
  }
  return svg
}
