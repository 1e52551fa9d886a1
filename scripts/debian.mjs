// What the tests want beside Node.js, and apt-get can bring.
import { spawnSync } from 'node:child_process'
import { fail } from './bootstrap.mjs'

export function answers(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
}

let isUpdated = false

/** Installs a package where this is Debian or Ubuntu and we are root; tells whether its command answers then. */
export function installs(name, command) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !answers('apt-get')) return false
  console.log(`Installing ${name} for the tests (apt-get, only now) …`)
  const quiet = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  if (!isUpdated) spawnSync('apt-get', ['update'], quiet)
  isUpdated = true
  spawnSync('apt-get', ['install', '--yes', '--no-install-recommends', name], quiet)
  return answers(command)
}

/** promtool checks metrics and alerts. Ends this process with a sentence when there is no way to it. */
export function ensurePromtool() {
  if (answers('promtool') || installs('prometheus', 'promtool')) return
  fail(
    'The tests need promtool, and it was not found: install Prometheus (apt-get install prometheus, brew install prometheus) ' +
      'so that it is on the PATH.',
  )
}

/** Browsers that the tests can drive, by the names that they go by. */
const BROWSERS = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome']

/** The dashboard is tested in a real browser. Ends this process with a sentence when there is none. */
export function ensureBrowser() {
  if (browser() !== undefined || installs('chromium-headless-shell', 'chromium-headless-shell')) return
  fail(
    'The tests need Chromium, and it was not found: install it (apt-get install chromium, brew install chromium) so that it is ' +
      'on the PATH, or set SLUICE_BROWSER to its path.',
  )
}

/** The command that starts it. */
export function browser() {
  const { SLUICE_BROWSER } = process.env
  return SLUICE_BROWSER ?? BROWSERS.find(answers)
}
