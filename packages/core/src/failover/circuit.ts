/** The first probe comes soon, later ones twice as late each time, up to a second. */
const FIRST_PROBE_MS = 25
const LONGEST_PAUSE_MS = 1_000

/** One part of a store that does not answer: probed in the background until it does. */
export class Circuit {
  readonly brokenAt: number = performance.now()
  readonly #probe: () => Promise<unknown>
  readonly #healed: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  /** `probe` rejects for as long as the part is broken; `healed` is called once, when it has not. */
  constructor(probe: () => Promise<unknown>, healed: () => void) {
    this.#probe = probe
    this.#healed = healed
    this.#probeAfter(FIRST_PROBE_MS)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Half of each pause is left to chance, so that a fleet does not probe in step. */
  #probeAfter(pauseMs: number): void {
    this.#timer = setTimeout(
      () => {
        this.#probe().then(
          () => {
            if (!this.#closed) this.#healed()
          },
          () => {
            if (!this.#closed) this.#probeAfter(Math.min(LONGEST_PAUSE_MS, pauseMs * 2))
          },
        )
      },
      pauseMs * (0.5 + Math.random() / 2),
    )
    if (typeof this.#timer === 'object') this.#timer.unref()
  }
}
