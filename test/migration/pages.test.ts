import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(root + path, 'utf8')

interface Peer {
  readonly page: string
  /** Where the page is not in docs/migration. */
  readonly file?: string
  /** What its users write: options, methods and what it exports. */
  readonly names: readonly string[]
}

const peers: readonly Peer[] = [
  {
    page: 'express-rate-limit',
    names: [
      ...membersOf('express-rate-limit/dist/index.d.ts', 'Options', 'RateLimitInfo', 'RateLimitRequestHandler'),
      ...exportsOf('express-rate-limit/dist/index.d.ts', /^(?!Store$|LegacyStore$)/),
    ],
  },
  {
    page: 'fastify-rate-limit',
    names: [
      ...membersOf(
        '@fastify/rate-limit/types/index.d.ts',
        'FastifyInstance',
        'CreateRateLimitOptions',
        'RateLimitOptions',
        'RateLimitPluginOptions',
        'errorResponseBuilderContext',
      ),
      'normalizeIP',
    ],
  },
  { page: 'koa-ratelimit', names: namesInKoaRatelimit() },
  {
    page: 'rate-limiter-flexible',
    names: [
      ...membersOf('rate-limiter-flexible/types.d.ts', /^IR.*Options?$|^IRateLimiterQueueOpts$|^RateLimiter/),
      ...exportsOf('rate-limiter-flexible/types.d.ts', /^R/),
    ].filter((name) => name !== 'name' && name !== 'message' && name !== 'extra'),
  },
  {
    page: 'upstash-ratelimit',
    names: [
      ...membersOf(
        '@upstash/ratelimit/dist/index.d.ts',
        'RegionRatelimitConfig',
        'MultiRegionRatelimitConfig',
        'Ratelimit',
        'RegionRatelimit',
        'RatelimitResponse',
        'LimitOptions',
      ),
      ...['MultiRegionRatelimit', 'Analytics', 'IpDenyList'],
    ],
  },
  {
    page: 'bottleneck',
    file: 'docs/from-bottleneck.md',
    names: [
      ...membersOf(
        'bottleneck/bottleneck.d.ts',
        'ConstructorOptions',
        'JobOptions',
        'StopOptions',
        'BatcherOptions',
        'Group',
        'Bottleneck',
      ),
      ...eventsIn('bottleneck/bottleneck.d.ts', /on\(name: "(\w+)"/g),
      ...['OVERFLOW_PRIORITY', 'LEAK', 'OVERFLOW', 'BLOCK', 'BottleneckError', 'Batcher', 'withOptions'],
      ...membersOf('p-queue/dist/index.d.ts', 'PQueue'),
      ...membersOf('p-queue/dist/options.d.ts', 'Options', 'QueueAddOptions', 'TaskOptions', 'TimeoutOptions'),
      ...eventsIn('p-queue/dist/index.d.ts', /(?<=^type EventName = .*)'(\w+)'/gm),
    ],
  },
]

describe.each(peers)('the page about $page', ({ page, file = `docs/migration/${page}.md`, names }) => {
  const text = read(file)

  it('has every option, method and name of the other package in a table', () => {
    const cells = [...text.matchAll(/^\| (.*?) \|/gm)].map(([, cell = '']) => cell)
    const code = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span))
    const written = new Set(code.flatMap((span) => span.match(/[\w]+/g) ?? []))
    expect(names.length).toBeGreaterThan(10)
    expect(names.filter((name) => !written.has(name))).toEqual([])
  })

  it('has a test for every difference, and a difference for every such test', () => {
    const [, differences = ''] = text.split('\n## What differs\n')
    const named = [...differences.matchAll(/^- \*\*(.+?)\.\*\*/gm)].map(([, title = '']) => title)
    const tested = [...read(`test/migration/${page}.test.ts`).matchAll(/^describe\('(.+?)'/gm)].map(
      ([, title = '']) => title,
    )
    const plain = (title: string) => title.replaceAll('`', '').toLowerCase()
    expect(named.map(plain)).toEqual(tested.filter((title) => !title.startsWith('the same ')).map(plain))
  })
})

describe('docs/migration/index.md', () => {
  it('links to every page', () => {
    const links = [...read('docs/migration/index.md').matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, link = '']) => link)
    const pages = readdirSync(`${root}docs/migration`).filter((name) => name !== 'index.md')
    expect(links.toSorted()).toEqual(pages.toSorted())
  })

  it.each(peers.filter(({ file }) => file === undefined))('names the version of the tested $page', ({ page }) => {
    const [, name = '', version = ''] =
      new RegExp(`\\[([^\\]]+)\\]\\(${page}\\.md\\) +\\| (\\d+)`).exec(read('docs/migration/index.md')) ?? []
    expect(JSON.parse(read(`node_modules/${name}/package.json`)).version).toMatch(new RegExp(`^${version}\\.`))
  })
})

function sourceOf(file: string): ts.SourceFile {
  return ts.createSourceFile(file, read(`node_modules/${file}`), ts.ScriptTarget.Latest, true)
}

/** The public members of the types of these names. */
function membersOf(file: string, ...types: readonly (string | RegExp)[]): string[] {
  const found = new Set<string>()
  const seen = new Set<string>()
  const visit = (node: ts.Node): void => {
    const named = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node)
    const name = named ? (node.name?.text ?? '') : ''
    if (named && types.some((type) => (typeof type === 'string' ? type === name : type.test(name)))) {
      seen.add(name)
      collect(node)
    }
    ts.forEachChild(node, visit)
  }
  const collect = (node: ts.Node): void => {
    if (ts.isTypeElement(node) || ts.isClassElement(node)) {
      const hidden = ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(isHidden)
      if (!hidden && node.name !== undefined && ts.isIdentifier(node.name)) found.add(node.name.text)
      return
    }
    ts.forEachChild(node, collect)
  }
  visit(sourceOf(file))
  for (const type of types) if (typeof type === 'string') expect(seen).toContain(type)
  return [...found]
}

function isHidden({ kind }: ts.ModifierLike): boolean {
  return kind === ts.SyntaxKind.PrivateKeyword || kind === ts.SyntaxKind.ProtectedKeyword
}

/** The values that a package exports. */
function exportsOf(file: string, matching: RegExp): string[] {
  const names: string[] = []
  for (const statement of sourceOf(file).statements) {
    const isExported = ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(isExport)
    if (isExported !== true) continue
    if (ts.isClassDeclaration(statement) || ts.isFunctionDeclaration(statement)) names.push(statement.name?.text ?? '')
    if (ts.isVariableStatement(statement)) {
      names.push(...statement.declarationList.declarations.map(({ name }) => name.getText()))
    }
  }
  return names.filter((name) => matching.test(name))
}

function isExport({ kind }: ts.ModifierLike): boolean {
  return kind === ts.SyntaxKind.ExportKeyword
}

function eventsIn(file: string, pattern: RegExp): string[] {
  const events = [...read(`node_modules/${file}`).matchAll(pattern)].map(([, name = '']) => name)
  expect(events.length).toBeGreaterThan(5)
  return events
}

/** It has no types: what its README lists, and what its source reads. */
function namesInKoaRatelimit(): string[] {
  const listed = [...read('node_modules/koa-ratelimit/README.md').matchAll(/^\* `(\w+)`/gm)]
  const readIn = [...read('node_modules/koa-ratelimit/index.js').matchAll(/\bopts\.(\w+)/g)]
  return [...new Set([...listed, ...readIn].map(([, name = '']) => name))]
}
