import type { Family, Sample } from '../counts/family.js'
import type { Labels } from '../counts/histogram.js'

/** The media type of Prometheus's text format. */
export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** All families in Prometheus's text format, version 0.0.4. A metric without series is left out. */
export function prometheusText(families: readonly Family[]): string {
  let text = ''
  for (const { definition, samples } of families) {
    if (samples.length === 0) continue
    const { prometheus: name, type, help } = definition
    text += `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`
    for (const sample of samples) text += lines(name, sample)
  }
  return text
}

function lines(name: string, { labels, value }: Sample): string {
  if (typeof value === 'number') return `${name}${braces(labels)} ${number(value)}\n`
  let text = ''
  let sum = 0
  for (const [i, count] of value.counts.entries()) {
    sum += count
    text += `${name}_bucket${braces({ ...labels, le: number(value.bounds[i] ?? Number.POSITIVE_INFINITY) })} ${sum}\n`
  }
  return `${text}${name}_sum${braces(labels)} ${number(value.sum)}\n${name}_count${braces(labels)} ${sum}\n`
}

function braces(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

export function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (Number.isFinite(value)) return String(value)
  return value > 0 ? '+Inf' : '-Inf'
}
