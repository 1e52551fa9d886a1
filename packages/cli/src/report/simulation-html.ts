import { reportPage } from '../generated/report-page.js'
import type { SimulationResult } from '../result/result.js'

/** A simulation as one HTML file: charts, and a slider over the quota. It loads nothing. */
export function simulationHtml(result: SimulationResult): string {
  const [before, after] = reportPage
  // Lines of a log may hold anything: samples stay out, and nothing can end the element that holds the result.
  const files = result.files.map((file) => ({ ...file, samples: [] }))
  const json = JSON.stringify({ ...result, files }).replace(/[<\u2028\u2029]/g, escaped)
  return before + json + after
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
