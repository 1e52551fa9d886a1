import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'
import { describe, expect, it } from 'vitest'

/** What every package exports is committed beside it (docs/stability.md); `npx vitest run test/api.test.ts -u` writes it anew. */
const entryPoints = [
  ['core', 'index'],
  ['core', 'calendar'],
  ['core', 'http'],
  ['core', 'observe'],
  ['core', 'remote'],
  ['core', 'runtime'],
  ['core', 'testing'],
  ['express', 'index'],
  ['koa', 'index'],
  ['fastify', 'index'],
  ['redis', 'index'],
  ['upstash', 'index'],
  ['quota', 'index'],
  ['config', 'index'],
  ['client', 'index'],
  ['llm', 'index'],
  ['metrics', 'index'],
  ['dashboard', 'index'],
  ['openapi', 'index'],
  ['testing', 'index'],
] as const

describe('the public API is the one that was committed', () => {
  it.each(entryPoints)('@sluice/%s, %s', async (name, entry) => {
    const folder = fileURLToPath(new URL(`../packages/${name}`, import.meta.url))
    const report = `${entry}.api.md`
    const reports = mkdtempSync(join(tmpdir(), 'sluice-api-'))
    const faults: string[] = []
    Extractor.invoke(
      ExtractorConfig.prepare({
        configObjectFullPath: undefined,
        packageJsonFullPath: join(folder, 'package.json'),
        configObject: {
          projectFolder: folder,
          mainEntryPointFilePath: join(folder, 'dist', entry === 'index' ? 'index.d.ts' : `${entry}/index.d.ts`),
          compiler: { overrideTsconfig: { compilerOptions: COMPILER, include: [join(folder, 'dist')] } },
          apiReport: { enabled: true, reportFileName: report, reportFolder: reports, reportTempFolder: reports },
          docModel: { enabled: false },
          dtsRollup: { enabled: false },
          tsdocMetadata: { enabled: false },
          newlineKind: 'lf',
        },
      }),
      {
        localBuild: true,
        messageCallback(message) {
          message.handled = true
          if (message.logLevel === ExtractorLogLevel.Error) faults.push(message.text)
        },
      },
    )
    expect(faults).toEqual([])
    const names = readFileSync(join(reports, report), 'utf8').replace(/^\/\/ (?:Warning|\(No @packageDoc).*\n/gm, '')
    await expect(names).toMatchFileSnapshot(`../packages/${name}/api/${report}`)
  })
})

const COMPILER = {
  target: 'es2023',
  lib: ['es2023', 'dom'],
  module: 'nodenext',
  moduleResolution: 'nodenext',
  strict: true,
  types: ['node'],
  skipLibCheck: true,
}
