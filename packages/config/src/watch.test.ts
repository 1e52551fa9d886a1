import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ConfigError } from '@sluice/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Config } from './config.ts'
import { loadConfig } from './load-config.ts'

let folder: string
let file: string
let stop: (() => void) | undefined
const apply = vi.fn<(next: Config) => void>()
const warnings = vi.fn<typeof process.emitWarning>()

const limits = (...names: string[]) => `limits:\n${names.map((name) => `  ${name}: 5/s\n`).join('')}`
const names = (config: Config | undefined) => Object.keys(config?.limits ?? {})
const lastNames = () => names(apply.mock.lastCall?.[0])
const sentences = () => warnings.mock.calls.map(([sentence]) => String(sentence))

/** Until something has happened, or the test fails. */
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 20 })

/** Long enough for a change to be seen, where none must be. */
const longEnough = () => pause(400)

async function watching(): Promise<void> {
  const config = await loadConfig({ path: file, watch: true })
  stop = config.watch?.(apply)
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-watch-'))
  file = join(folder, 'sluice.config.yaml')
  writeFileSync(file, limits('a'))
  vi.spyOn(process, 'emitWarning').mockImplementation(warnings as never)
})

afterEach(() => {
  stop?.()
  stop = undefined
  vi.restoreAllMocks()
  apply.mockReset()
  warnings.mockReset()
  rmSync(folder, { recursive: true, force: true })
})

describe('a file that is not watched', () => {
  it('has no watch', async () => {
    expect(await loadConfig(file)).not.toHaveProperty('watch')
  })
})

describe('a watched file', () => {
  it('is applied when it has been written', async () => {
    await watching()
    writeFileSync(file, limits('a', 'b'))
    await until(() => expect(lastNames()).toEqual(['a', 'b']))
    writeFileSync(file, limits('c'))
    await until(() => expect(lastNames()).toEqual(['c']))
    expect(apply).toHaveBeenCalledTimes(2)
    expect(apply.mock.lastCall?.[0]).not.toHaveProperty('watch')
  })

  it('is applied when another file has taken its place', async () => {
    await watching()
    for (const name of ['b', 'c']) {
      writeFileSync(`${file}.tmp`, limits(name))
      renameSync(`${file}.tmp`, file)
      await until(() => expect(lastNames()).toEqual([name]))
    }
  })

  it('is applied when it changed between reading and watching', async () => {
    const config = await loadConfig({ path: file, watch: true })
    writeFileSync(file, limits('b'))
    stop = config.watch?.(apply)
    await until(() => expect(lastNames()).toEqual(['b']))
  })

  it('is applied when it was deleted and is there again, which is reported', async () => {
    await watching()
    rmSync(file)
    await until(() => expect(sentences()).toHaveLength(1))
    expect(sentences()[0]).toContain('expected a file that can be read, got none: ENOENT')
    writeFileSync(file, limits('b'))
    await until(() => expect(lastNames()).toEqual(['b']))
    expect(sentences()).toHaveLength(1)
  })

  it('is applied through links that are replaced, as Kubernetes does', async () => {
    mkdirSync(join(folder, '1'))
    mkdirSync(join(folder, '2'))
    writeFileSync(join(folder, '1', 'limits.yaml'), limits('a'))
    writeFileSync(join(folder, '2', 'limits.yaml'), limits('b'))
    symlinkSync('1', join(folder, 'data'))
    file = join(folder, 'limits.yaml')
    symlinkSync('data/limits.yaml', file)
    await watching()
    symlinkSync('2', join(folder, 'data-new'))
    renameSync(join(folder, 'data-new'), join(folder, 'data'))
    await until(() => expect(lastNames()).toEqual(['b']))
  })

  it('is applied when the file behind a link has changed', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'sluice-elsewhere-'))
    writeFileSync(join(elsewhere, 'real.yaml'), limits('a'))
    file = join(folder, 'link.yaml')
    symlinkSync(join(elsewhere, 'real.yaml'), file)
    await watching()
    writeFileSync(join(elsewhere, 'real.yaml'), limits('b'))
    await until(() => expect(lastNames()).toEqual(['b']))
    rmSync(elsewhere, { recursive: true })
  })

  it('is applied although other files in the folder never rest', async () => {
    await watching()
    const busy = setInterval(() => writeFileSync(join(folder, 'log'), String(Math.random())), 10)
    writeFileSync(file, limits('b'))
    await until(() => expect(lastNames()).toEqual(['b'])).finally(() => clearInterval(busy))
    expect(apply).toHaveBeenCalledTimes(1)
  })

  it('is not applied where its text is the same', async () => {
    await watching()
    utimesSync(file, new Date(), new Date())
    writeFileSync(file, limits('a'))
    writeFileSync(join(folder, 'other'), 'x')
    await longEnough()
    expect(apply).not.toHaveBeenCalled()
  })

  it('is not applied while it is being written', async () => {
    await watching()
    writeFileSync(file, '')
    for (const name of ['limits', ':\n', '  b: 5/s\n', '  c: 5/s\n']) {
      appendFileSync(file, name)
      await pause(40)
    }
    await until(() => expect(apply).toHaveBeenCalled())
    expect(apply.mock.calls.map(([config]) => names(config))).toEqual([['b', 'c']])
    expect(sentences()).toEqual([])
  })

  it('is not applied any more once watching has stopped', async () => {
    await watching()
    writeFileSync(file, limits('b'))
    stop?.()
    await longEnough()
    expect(apply).not.toHaveBeenCalled()
  })
})

describe('an edit that is invalid', () => {
  it('is reported once, and changes nothing', async () => {
    await watching()
    writeFileSync(file, 'limits:\n  a: 5/x\n')
    await until(() => expect(sentences()).toHaveLength(1))
    expect(sentences()[0]).toMatch(
      /sluice\.config\.yaml:2:6: limits\.a: "5\/x" is not a limit[\s\S]*\nThe configuration in use stays\.$/,
    )
    expect(warnings.mock.lastCall?.[1]).toEqual({ type: 'SluiceWarning', code: 'SLUICE_CONFIG' })
    writeFileSync(file, 'limits:\n  a: 5/x\n# the same problem')
    await longEnough()
    expect(sentences()).toHaveLength(1)
    expect(apply).not.toHaveBeenCalled()
  })

  it('is reported again after the file was valid, also as it was before', async () => {
    await watching()
    for (const count of [1, 2]) {
      writeFileSync(file, 'limits: []')
      await until(() => expect(sentences()).toHaveLength(count))
      writeFileSync(file, limits('a'))
      await longEnough()
    }
    expect(apply).not.toHaveBeenCalled()
  })

  it('is reported where the app refuses it, and the next one is applied', async () => {
    await watching()
    apply.mockImplementationOnce(() => {
      throw new ConfigError('limits: the limit "a" is in use.')
    })
    writeFileSync(file, limits('b'))
    await until(() =>
      expect(sentences()).toEqual([`${file}: limits: the limit "a" is in use.\nThe configuration in use stays.`]),
    )
    writeFileSync(file, limits('a', 'b'))
    await until(() => expect(lastNames()).toEqual(['a', 'b']))
  })
})

describe('a folder that is gone', () => {
  it('is reported, and is no error', async () => {
    const config = await loadConfig({ path: file, watch: true })
    rmSync(folder, { recursive: true })
    stop = config.watch?.(apply)
    expect(sentences()[0]).toMatch(/changes need a restart, since the file cannot be watched: ENOENT/)
  })
})
