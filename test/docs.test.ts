import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createLimiter } from '@sluice/core'
import { problem } from '@sluice/core/http'
import { parseList } from 'structured-headers'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const generated = `${root}test/.generated/docs`
const run = promisify(execFile)

interface Block {
  readonly title: string
  readonly language: string
  readonly code: string
}

const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs', 'docs/migration', 'packages', 'bench'].flatMap(
  pagesIn,
)
const blocks = pages.flatMap(blocksOf)
const programs = blocks.filter(({ language }) => language === 'js' || language === 'ts')

describe('the code in the documentation', () => {
  it('is found', () => {
    expect(programs.length).toBeGreaterThan(10)
    expect(new Set(blocks.map(({ language }) => language))).toEqual(
      new Set(['sh', 'js', 'ts', 'text', 'json', 'javascript', 'yaml']),
    )
  })

  it('compiles', () => {
    mkdirSync(generated, { recursive: true })
    for (const block of programs) writeFileSync(fileOf(block), block.code)
    const program = ts.createProgram(programs.map(fileOf), {
      noEmit: true,
      allowJs: true,
      checkJs: true,
      strict: false,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      types: ['node'],
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    })
    const complaints = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => [file?.fileName, messageText])
    expect(complaints).toEqual([])
  })

  it.concurrent.each(programs)('runs: $title', async (block) => {
    mkdirSync(generated, { recursive: true })
    const file = fileOf(block).replace(/ts$/, 'run.mjs')
    const { outputText } = ts.transpileModule(block.code, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
      },
    })
    writeFileSync(file, outputText)
    const { stdout, stderr } = await run(process.execPath, ['--import', `${root}test/ask-once.mjs`, file])
    expect(stderr).toBe('')
    if (block.code.includes('.listen(')) expect(stdout).toMatch(/answered (200|401|404)/)
  })

  it.each(blocks.filter(({ language }) => language === 'sh'))('has commands that exist: $title', ({ code }) => {
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
    for (const line of code.trim().split('\n')) {
      // These are run, below.
      if (line.startsWith('npx sluice ')) continue
      const [, install] =
        /^(?:npm install|npx) @sluice\/(\w+)(?: redis:\S+| ioredis| @upstash\/redis)?$/.exec(line) ?? []
      const [, script] = /^(?:npm|npx pnpm) (start|test|bench)\b/.exec(line) ?? []
      expect(
        install === undefined ? script !== undefined && script in scripts : existsSync(`${root}packages/${install}`),
      ).toBe(true)
    }
  })

  it('shows what npm start really prints', async () => {
    const { stdout } = await run(process.execPath, [`${root}scripts/start.mjs`, '--once'], {
      env: { ...process.env, PORT: '0' },
    })
    const shown = blocks.find(({ title, code }) => title.startsWith('README.md') && code.startsWith('POST'))
    expect(masked(stdout)).toContain(masked(shown?.code ?? 'missing'))
  })

  it('shows fields and problems of the form we send', () => {
    for (const { code } of blocks.filter(
      ({ title, language }) => title.startsWith('docs/headers') && language === 'text',
    )) {
      for (const line of code.trim().split('\n')) expect(parseList(line.replace(/^[\w-]+: /, ''))).toHaveLength(2)
    }
    const limiter = createLimiter({ policies: '5/min', name: 'login' })
    const { body } = problem(limiter.consume('a', { cost: 5 }) && limiter.consume('a'), undefined)
    const shown = blocks.find(({ language, code }) => language === 'json' && code.includes('violated-policies'))
    expect(masked(JSON.stringify(body))).toBe(masked(JSON.stringify(JSON.parse(shown?.code ?? '{}'))))
  })
})

/** Times differ from run to run; nothing else does. */
function masked(text: string): string {
  return text
    .replace(/t=\d+/g, 't=…')
    .replace(/Try again in [\w ]+/g, 'Try again in …')
    .replace(/(retry-after"?): ?\d+/gi, '$1: …')
}

function pagesIn(place: string): string[] {
  if (place.endsWith('.md')) return [place]
  const found = readdirSync(root + place).map((name) => `${place}/${name}${place === 'packages' ? '/README.md' : ''}`)
  return found.filter((page) => page.endsWith('.md') && existsSync(root + page))
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(root + page, 'utf8')
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', code = ''], index) => ({
    title: `${page} #${index + 1}`,
    language,
    code,
  }))
}

function fileOf({ title, language }: Block): string {
  return `${generated}/${title.replace(/\W+/g, '-')}.${language === 'ts' ? 'ts' : 'mjs'}`
}

describe('docs/failure-modes.md', () => {
  const page = readFileSync(`${root}docs/failure-modes.md`, 'utf8')
  const shown = [...page.matchAll(/`((?:test|packages)\/[\w/.-]+\.ts)`: ([^|;]+)/g)].map(
    ([, file = '', title = '']) => ({
      file,
      title: title.trim(),
    }),
  )

  it('names a test for every fault', () => {
    expect(shown.length).toBeGreaterThan(18)
  })

  it.each(shown)('names one that exists: $title', ({ file, title }) => {
    expect(readFileSync(`${root}${file}`, 'utf8')).toContain(title)
  })
})

describe('the site', () => {
  const config = readFileSync(`${root}docs/.vitepress/config.ts`, 'utf8')
  const links = [...config.matchAll(/page\('[^']+', '\/([\w/-]*)'\)/g)].map(([, link = '']) => link)

  it.each([...new Set(links)].filter((link) => link !== 'api/'))('has the page that it links to: /%s', (link) => {
    expect(existsSync(`${root}docs/${link}${link.endsWith('/') ? 'index' : ''}.md`)).toBe(true)
  })

  it('links to every page', () => {
    const written = pages.filter((page) => /^docs\/(?!index)/.test(page))
    const linked = links.map((link) => `docs/${link}${link.endsWith('/') ? 'index' : ''}.md`)
    expect(new Set(linked)).toEqual(new Set([...written, 'docs/api/index.md']))
  })
})
