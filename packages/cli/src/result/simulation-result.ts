import type { FileReport } from '../logs/log-file.js'
import type { Replay, Span } from '../replay/replay.js'
import { limitResult, type ResultOptions } from './limit-result.js'
import { notesOf } from './notes.js'
import type { SimulationResult } from './result.js'

/** What a replay of these files came to. */
export function resultOf(
  replay: Replay,
  files: readonly FileReport[],
  span: Span,
  options: ResultOptions,
): SimulationResult {
  const resolution = files.some(({ isCoarse }) => isCoarse) ? 'seconds' : 'milliseconds'
  const limits = replay.limits.map((limit) => limitResult(limit, replay.spread.get(limit), resolution, options))
  return {
    files,
    entries: sum(files.map(({ entries }) => entries)),
    unreadable: sum(files.map(({ unreadable }) => unreadable)),
    ...span,
    resolution,
    retries: options.retries,
    allowed: replay.entries - replay.denied,
    denied: replay.denied,
    limits,
    notes: notesOf(replay, limits, files, resolution, options.retries),
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
