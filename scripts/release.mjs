// `node scripts/release.mjs`: packs every package for publishing, with the repository, homepage and bugs of ./package.json.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { bootstrap, fail, pnpm, root, run } from './bootstrap.mjs'

const PLACES = ['repository', 'homepage', 'bugs']

const own = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const missing = PLACES.filter((field) => own[field] === undefined)
if (missing.length > 0) {
  fail(`Not packed for publishing: package.json lacks ${missing.join(', ')}. All packages take them from there.`)
}
bootstrap()
if (!existsSync(`${root}release`)) mkdirSync(`${root}release`)
for (const name of readdirSync(`${root}packages`)) {
  const file = `${root}packages/${name}/package.json`
  const text = readFileSync(file, 'utf8')
  const repository = { type: 'git', ...asObject(own.repository), directory: `packages/${name}` }
  const manifest = { ...JSON.parse(text), repository, homepage: own.homepage, bugs: own.bugs }
  try {
    writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`)
    const pack = pnpm('--dir', `packages/${name}`, 'pack', '--pack-destination', `${root}release`)
    run(...pack, `@sluice/${name} cannot be packed.`)
  } finally {
    writeFileSync(file, text)
  }
}

function asObject(repository) {
  return typeof repository === 'string' ? { url: repository } : repository
}
