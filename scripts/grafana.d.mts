import type { METRICS } from '@sluice/metrics'

export function grafanaDashboard(metrics: typeof METRICS): {
  readonly panels: readonly { readonly targets?: { readonly expr: string }[] }[]
}
