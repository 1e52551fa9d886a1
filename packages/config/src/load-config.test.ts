import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '@sluice/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { loadConfig } from './load-config.ts'

let folder: string

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-config-')))
  vi.spyOn(process, 'cwd').mockReturnValue(folder)
})

afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content)
const refused = (...options: Parameters<typeof loadConfig>) =>
  loadConfig(...options).then(
    () => expect.unreachable('was accepted'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(ConfigError)
      return (error as ConfigError).message
    },
  )

describe('loadConfig finds', () => {
  it.each([
    ['sluice.config.json', '{ "store": "memory:" }'],
    ['sluice.config.yaml', 'store: "memory:"'],
    ['sluice.config.yml', 'store: "memory:"'],
    ['sluice.config.js', "export default { store: 'memory:' }"],
    ['sluice.config.mjs', "export default { store: 'memory:' }"],
  ])('%s in the working directory', async (name, text) => {
    write(name, text)
    expect(await loadConfig()).toEqual({ store: 'memory:' })
  })

  it('a file by its path, from the working directory', async () => {
    mkdirSync(join(folder, 'etc'))
    write('etc/limits.yaml', 'limits: { login: 5/15min }')
    vi.mocked(process.cwd).mockReturnValue(folder)
    expect(Object.keys((await loadConfig(join(folder, 'etc/limits.yaml'))).limits ?? {})).toEqual(['login'])
    expect(Object.keys((await loadConfig({ path: join(folder, 'etc/limits.yaml') })).limits ?? {})).toEqual(['login'])
  })
})

describe('loadConfig refuses', () => {
  it('a directory without a configuration, and says what it looked for', async () => {
    expect(await refused()).toBe(
      `loadConfig() found no configuration in ${folder}. Expected one of sluice.config.json, sluice.config.yaml, ` +
        'sluice.config.yml, sluice.config.js, sluice.config.mjs, sluice.config.cjs, sluice.config.ts, sluice.config.mts.',
    )
  })

  it('two configurations, by name', async () => {
    write('sluice.config.json', '{}')
    write('sluice.config.ts', 'export default {}')
    expect(await refused()).toContain('found sluice.config.json and sluice.config.ts in')
  })

  it('a path that leads nowhere', async () => {
    expect(await refused(join(folder, 'no.yaml'))).toMatch(
      /^no\.yaml: expected a file that can be read, got none: ENOENT/,
    )
  })

  it('a directory', async () => {
    mkdirSync(join(folder, 'sluice.config.yaml'))
    expect(await refused()).toBe('sluice.config.yaml: expected a file, got something else.')
  })

  it('a file of another kind', async () => {
    expect(await refused(join(folder, 'limits.toml'))).toMatch(
      /^limits\.toml: expected a file with \.json, .*, got "\.toml"\.$/,
    )
  })

  it('a file outside the working directory by its whole path', async () => {
    write('limits.yaml', '[]')
    vi.mocked(process.cwd).mockReturnValue(join(folder, 'elsewhere'))
    expect(await refused(join(folder, 'limits.yaml'))).toMatch(new RegExp(`^${join(folder, 'limits.yaml')}:1:1: `))
  })

  it('10 MB', async () => {
    write('sluice.config.yaml', `# ${'x'.repeat(10 * 1024 * 1024)}`)
    expect(await refused()).toBe('sluice.config.yaml: expected at most 256 KiB, got 10241 KiB.')
  })

  it.each([
    ['bytes that are no text', new Uint8Array([0x6c, 0xff, 0xfe, 0x00])],
    ['UTF-16', Buffer.from('\ufefflimits: {}', 'utf16le')],
  ])('%s', async (_, bytes) => {
    write('sluice.config.yaml', bytes)
    expect(await refused()).toBe('sluice.config.yaml: expected a text in UTF-8, got other bytes.')
  })

  it.each([
    [{ pth: 'x' }, 'loadConfig() has no option "pth". Did you mean "path"?'],
    [{ reload: true }, 'loadConfig() has no option "reload". The options are: path, watch, env.'],
    [{ constructor: 1 }, 'loadConfig() has no option "constructor". The options are: path, watch, env.'],
    [{ watch: 'yes' }, 'loadConfig(): watch: expected a boolean, got "yes".'],
    [{ env: null }, 'loadConfig(): env: expected an object, got nothing.'],
    [null, 'loadConfig() takes a path or an object, got nothing.'],
    [[], 'loadConfig() takes a path or an object, got a list.'],
  ])('the options %j', async (options, sentence) => {
    expect(await refused(options as never)).toBe(sentence)
  })
})

describe('a text', () => {
  it('may begin with a byte order mark, and have lines that end as on Windows', async () => {
    write('sluice.config.yaml', '\ufefflimits:\r\n  login: 5/15min\r\n  search: 5/15\r\n')
    expect(await refused()).toMatch(/^sluice\.config\.yaml:3:11: limits\.search: "5\/15" is not a limit/)
  })
})
