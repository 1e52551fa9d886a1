import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Keeps other processes out of a folder. PGlite does not, and two processes that write to one folder lose each other's rows.
 * Returns a function that unlocks the folder. With a Postgres server, none of this is needed.
 */
export function lockFolder(folder) {
  const file = join(folder, 'lock')
  const owner = ownerOf(file)
  if (owner !== undefined && isRunning(owner)) {
    throw new Error(
      `The ledger in ${folder} is open in process ${owner}. Stop that process first. If it is another program, delete ${file}.`,
    )
  }
  // The owner was killed before it could unlock.
  if (owner !== undefined) rmSync(file, { force: true })
  // Fails if another process has locked it in the meantime.
  writeFileSync(file, String(process.pid), { flag: 'wx' })
  return () => rmSync(file, { force: true })
}

function ownerOf(file) {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function isRunning(pid) {
  // In a container, a restarted server often has the process id of the one before.
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // The process exists, but belongs to another user.
    return error.code === 'EPERM'
  }
}
