import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { sluice as express, memoryStore } from '@sluice/express'
import app from 'express'
import { describe, expect, it } from 'vitest'
import { Folder, interrupted, sluiceProcess } from './cli.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Command {
  readonly title: string
  readonly args: readonly string[]
  /** The lines that are shown below it. */
  readonly shown: readonly string[]
}

const pages = [
  'README.md',
  ...['docs', 'packages'].flatMap((place) => readdirSync(root + place).map((name) => `${place}/${name}`)),
]
  .map((page) => (page.startsWith('packages/') ? `${page}/README.md` : page))
  .filter((page) => page.endsWith('.md') && existsSync(root + page))

const commands = pages.flatMap(commandsIn)

describe('the commands in the documentation', () => {
  it('are found', () => {
    expect(new Set(commands.map(({ args: [name] }) => name))).toEqual(
      new Set(['simulate', 'compare', 'mock', 'docs', 'load']),
    )
  })

  it.each(commands)('do what is shown: $title', async ({ args, shown }) => {
    using folder = new Folder()
    cpSync(`${root}examples/simulate`, folder.path, { recursive: true })
    const { code, stdout, stderr } = await run(args, folder.path)
    // What was written to a file is said there.
    expect(stderr).toMatch(/^(?:[\w.-]+: \d+ of \d+ operations limited\.\n)?$/)
    expect(code).toBe(0)
    const lines = stdout.split('\n')
    let from = 0
    for (const line of shown) {
      if (line === '…' || line === '') continue
      const at = lines.indexOf(line, from)
      expect(at, `${line}\n\nis not printed by the command, which prints:\n\n${stdout}`).toBeGreaterThanOrEqual(0)
      from = at + 1
    }
  })
})

async function run(args: readonly string[], cwd: string) {
  const [name] = args
  if (name === 'mock') return await interrupted([...args, '--port', '0'], cwd)
  if (name !== 'load') return await sluiceProcess(args, undefined, cwd)
  const limited = app()
  limited.use(express({ store: memoryStore() })('100/min', { name: 'api' }))
  limited.use((_request, response) => void response.sendStatus(200))
  const server = createServer(limited).listen(0)
  try {
    const { port } = server.address() as AddressInfo
    return await sluiceProcess(
      args.map((arg) => arg.replace('localhost:3000', `localhost:${port}`)),
      undefined,
      cwd,
    )
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

function commandsIn(page: string): readonly Command[] {
  const blocks = [...readFileSync(root + page, 'utf8').matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
  return blocks.flatMap(([, language, code = ''], i) => {
    if (language !== 'sh') return []
    const [, nextLanguage, next = ''] = blocks[i + 1] ?? []
    const lines = code
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('npx sluice '))
    return lines.map((line) => ({
      title: `${page}: ${line}`,
      args: words(line).slice(2),
      shown: nextLanguage === 'text' ? next.trimEnd().split('\n') : [],
    }))
  })
}

/** The words of a command line, without their quotes. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/(?:[^\s'"]+|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replace(/['"]/g, ''))
}
