/** The middle of the rounds: what a noisy machine's neighbours disturb least. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

/** Runs every contender in turn, round after round, so that all see the same machine; the median of each. */
export async function inTurns(contenders, rounds, measure) {
  const seen = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, contender] of Object.entries(contenders)) seen[name].push(await measure(contender, name))
  }
  return seen
}
