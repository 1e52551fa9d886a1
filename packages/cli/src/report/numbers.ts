const WHOLE = new Intl.NumberFormat('en-US')

export function whole(value: number): string {
  return WHOLE.format(value)
}

/** `0.42 %`, with as many digits as a small share needs. */
export function percent(share: number): string {
  const value = share * 100
  if (value === 0) return '0 %'
  return `${value.toFixed(value < 0.1 ? 3 : value < 10 ? 2 : 1)} %`
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** `2 h 5 min`, in its two largest units; below a minute, `2.5 s`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${Number((ms / 1_000).toFixed(1))} s`
  const parts: string[] = []
  let left = ms
  for (const [unit, unitMs] of UNITS) {
    const count = Math.floor(left / unitMs)
    if (count > 0) parts.push(`${count} ${unit}`)
    left -= count * unitMs
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

/** `2026-10-10 13:55:36`, UTC. */
export function instant(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 19).replace('T', ' ') : '–'
}

const BARS = '▁▂▃▄▅▆▇█'

/** A line of bars; a part without anything is a space. */
export function sparkline(counts: readonly number[]): string {
  const most = Math.max(...counts, 1)
  return counts.map((count) => (count === 0 ? ' ' : BARS[Math.ceil((count / most) * BARS.length) - 1])).join('')
}

/** `1 key`, `2 keys`. */
export function count(value: number, one: string, many = `${one}s`): string {
  return `${whole(value)} ${value === 1 ? one : many}`
}
