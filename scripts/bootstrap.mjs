// Makes a checkout ready to run: dependencies installed and packages built, each only when something changed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PNPM = 'pnpm@12.21.0'
const OLDEST_NODE = [20, 19]

export const root = fileURLToPath(new URL('..', import.meta.url))

/** The path of a tool that the dependencies brought. */
export const tool = (name) => `${root}node_modules/.bin/${name}`

/** The command line that runs the project's own pnpm, wherever it is run. */
export const pnpm = (...args) => ['npx', ['--yes', PNPM, ...args]]

export function bootstrap() {
  checkNode()
  install()
  run(process.execPath, ['scripts/build.mjs'], 'The packages do not build; see the messages above.')
}

/** Runs a command with its output shown; ends this process with `sentence` when it fails. */
export function run(command, args, sentence) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) fail(error === undefined ? sentence : `${sentence} (${error.message})`)
}

export function fail(sentence) {
  console.error(`\n${sentence}`)
  process.exit(1)
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return
  fail(
    `Sluice needs Node ${OLDEST_NODE.join('.')} or newer, and this is ${process.versions.node}. Install a newer Node.`,
  )
}

function install() {
  const stamp = `${root}node_modules/.bootstrap`
  const wanted = createHash('sha256')
    .update(readFileSync(`${root}pnpm-lock.yaml`))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  console.log('Installing dependencies (only now, and when they change) …')
  const { status, stdout, stderr, error } = spawnSync(...pnpm('install', '--frozen-lockfile'), {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) {
    console.error(stdout, stderr, error?.message ?? '')
    fail(`The dependencies could not be installed. Is the npm registry in reach? To try by hand: npx ${PNPM} install`)
  }
  writeFileSync(stamp, wanted)
}
