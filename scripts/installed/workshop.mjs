// What the checks of installed packages share: folders with the tarballs in them, and commands run there.
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fail, root, run } from '../bootstrap.mjs'

/** An npm app with the files of a fixture and with these packages. */
export function newApp(folder, fixture, packages, manifest = {}) {
  mkdirSync(folder, { recursive: true })
  if (fixture !== undefined) cpSync(join(root, 'test/installed', fixture), folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefix', folder]
  run('npm', ['install', ...quiet, ...packages], `The packages of ${folder} do not install.`)
  return folder
}

/** Runs a command to its end. */
export async function output(command, args, { cwd, env = {}, timeout = 240_000 }) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
  })
  let text = ''
  const add = (chunk) => {
    text += chunk
  }
  child.stdout.on('data', add)
  child.stderr.on('data', add)
  const code = await new Promise((resolve) => child.on('close', resolve))
  return { code, text }
}

/** Runs a command that must succeed, and says so. */
export async function succeeds(title, command, args, options) {
  const { code, text } = await output(command, args, options)
  if (code !== 0) fail(`${title} failed:\n${text}`)
  console.log(`${title}: ok`)
  return text
}

/** As many at a time as there are processors. */
export async function inParallel(tasks) {
  const left = [...tasks]
  const work = async () => {
    for (let task = left.shift(); task !== undefined; task = left.shift()) await task()
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
}
