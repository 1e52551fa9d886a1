/** Counters that Prometheus reads, and a line of JSON for whatever happened. */
export class Observer {
  #counts = new Map()
  #write

  constructor(write = (line) => process.stdout.write(`${line}\n`)) {
    this.#write = write
  }

  log = (entry) => {
    this.#write(JSON.stringify({ time: new Date().toISOString(), ...entry }))
    const { event, provider, state, status } = entry
    if (event === 'fallback') this.count('gateway_fallbacks_total', { provider, status })
    if (event === 'breaker') this.count('gateway_breaker_changes_total', { provider, state })
    if (event === 'gate') this.count('gateway_gates_total', { provider })
  }

  count(name, labels = {}, value = 1) {
    const shown = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(String(text))}`)
    const line = shown.length === 0 ? name : `${name}{${shown.join(',')}}`
    this.#counts.set(line, (this.#counts.get(line) ?? 0) + value)
  }

  total(name) {
    let sum = 0
    for (const [line, value] of this.#counts) if (line === name || line.startsWith(`${name}{`)) sum += value
    return sum
  }

  metrics() {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([line, value]) => `${line} ${value}\n`)
      .join('')
  }
}
