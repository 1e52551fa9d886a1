// The types, by every supported compiler, in every way of resolving modules.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inParallel, newApp, succeeds } from './workshop.mjs'

const VERSIONS = ['5.4', '5.5', '5.6', '5.7', '5.8', '5.9', '6.0', '7']

const WAYS = [
  { module: 'nodenext', resolution: 'nodenext', type: 'module' },
  { module: 'nodenext', resolution: 'nodenext', type: 'commonjs' },
  { module: 'node16', resolution: 'node16', type: 'commonjs' },
  { module: 'esnext', resolution: 'bundler', type: 'module' },
  { module: 'commonjs', resolution: 'node10', type: 'commonjs' },
]

/** Where every way is tried; between them two, unless `--every-compiler` asks for all. */
const LANDMARKS = ['5.4', '6.0', '7']
const EVERY = process.argv.includes('--every-compiler')

function waysOf(version) {
  const ways = version === '7' ? WAYS.filter(({ resolution }) => resolution !== 'node10') : WAYS
  return EVERY || LANDMARKS.includes(version) ? ways : ways.filter((_way, i) => i === 0 || i === 2)
}

/** The types of the Redis clients are as large as all others together: the oldest and the newest compiler read them. */
const READ_CLIENTS = ['5.4', '7']

export async function checkTypes(place, tarballs) {
  const app = newApp(
    join(place, 'types'),
    'types',
    [
      ...tarballs,
      ...VERSIONS.map((version) => `typescript-${version}@npm:typescript@${version}`),
      ...['express@5', '@types/express@5', 'koa@3', '@types/koa@3', 'fastify@5', 'pino', '@types/node@20'],
      ...['@fastify/type-provider-typebox@5', '@sinclair/typebox@0.34', '@upstash/redis@1', 'iovalkey'],
      ...['ioredis@6', 'ioredis5@npm:ioredis@5', 'redis@6', 'redis5@npm:redis@5'],
    ],
    // Express and Koa want different majors, of which only one can lie where the compiler looks: @types/koa reads the older.
    { overrides: { 'content-disposition': '^0.5.4' } },
  )
  await inParallel(VERSIONS.flatMap((version) => waysOf(version).map((way) => () => compile(app, version, way))))
}

async function compile(app, version, { module, resolution, type }) {
  const folder = join(app, `${version}-${module}-${type}`)
  mkdirSync(folder)
  const clients = READ_CLIENTS.includes(version) && module === 'nodenext'
  const compilerOptions = {
    ...{ module, moduleResolution: resolution, target: 'es2022', lib: ['es2023'], types: ['node'] },
    ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, esModuleInterop: true, noEmit: true },
    ...(version === '6.0' && resolution === 'node10' ? { ignoreDeprecations: '6.0' } : {}),
  }
  const files = ['express.ts', 'koa.ts', 'fastify.ts', 'caller.ts', ...(clients ? ['clients.ts'] : [])]
  for (const file of files) symlinkSync(join(app, file), join(folder, file))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }))
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, preserveSymlinks: true }, files }),
  )
  const tsc = join(app, 'node_modules', `typescript-${version}`, 'bin/tsc')
  await succeeds(
    `TypeScript ${version}, module ${module}, ${resolution}, ${type}`,
    process.execPath,
    [tsc, '-p', folder],
    {
      cwd: folder,
    },
  )
}
