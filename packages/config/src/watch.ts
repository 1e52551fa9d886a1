import { type FSWatcher, realpathSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import { warn } from '@sluice/core/runtime'
import type { Config } from './config.js'
import { readText } from './config-text.js'
import { describe, shownFile } from './problems.js'

/** How long a file's text must have been the same before it is read: editors write in several steps. */
const SETTLED_MS = 100

/** A file that was read before. */
export interface WatchedFile {
  readonly file: string
  /** The text of the configuration in use. */
  readonly text: string
  readonly read: (text: string) => Promise<Config>
}

/**
 * Gives `apply` a file's configuration whenever its text has changed and is valid. Other texts are reported, each error once
 * until the file is valid again. Keeps no process alive. Returns a function that stops watching.
 */
export function watchFile(watched: WatchedFile, apply: (next: Config) => void): () => void {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let checks = Promise.resolve(true)
  const check = changes(watched, (next) => {
    if (!stopped) apply(next)
  })
  const schedule = (): void => {
    if (stopped) return
    // Not postponed by later events: a folder in which others write would postpone it for ever.
    timer ??= setTimeout(() => {
      timer = undefined
      checks = checks.then(check)
      checks.then((settled) => settled || schedule())
    }, SETTLED_MS).unref()
  }
  const watchers = watchFolders(watched.file, schedule)
  // It may have changed since it was read.
  schedule()
  return () => {
    stopped = true
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}

/** Looks at the file, and resolves with `false` while it is still being written. */
function changes({ file, text, read }: WatchedFile, apply: (next: Config) => void): () => Promise<boolean> {
  let inUse = text
  let before = `text ${text}`
  let done = before
  const reported = new Set<string>()
  return async () => {
    const content: unknown = await readText(file).catch((error: unknown) => error)
    const now = typeof content === 'string' ? `text ${content}` : `error ${String(content)}`
    const settled = now === before
    before = now
    if (now === done || !settled) return settled
    done = now
    try {
      if (typeof content !== 'string') throw content
      if (content !== inUse) apply(await read(content))
      inUse = content
      reported.clear()
    } catch (error) {
      const sentence = sentenceOf(file, error)
      if (!reported.has(sentence)) warn('SLUICE_CONFIG', `${sentence}\nThe configuration in use stays.`)
      reported.add(sentence)
    }
    return true
  }
}

/** What `apply` refuses does not name the file yet. */
function sentenceOf(file: string, error: unknown): string {
  const sentence = error instanceof Error ? error.message : describe(error)
  return sentence.startsWith(shownFile(file)) ? sentence : `${shownFile(file)}: ${sentence}`
}

/** The folder, since editors replace files; and that of the file itself, where the path is a link to it. */
function watchFolders(file: string, changed: () => void): FSWatcher[] {
  const failed = (error: unknown): void =>
    warn(
      'SLUICE_CONFIG',
      `${shownFile(file)}: changes need a restart, since the file cannot be watched: ${describe(error)}.`,
    )
  try {
    const folders = new Set([dirname(file), dirname(realpathSync(file))])
    return [...folders].map((folder) => watch(folder, { persistent: false }, changed).on('error', failed))
  } catch (error) {
    failed(error)
    return []
  }
}
