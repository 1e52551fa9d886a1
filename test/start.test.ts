import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

it('npm start says what to do when its port is taken', async () => {
  const taken = createServer().listen(0)
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const start = fileURLToPath(new URL('../scripts/start.mjs', import.meta.url))
  const child = spawn(process.execPath, [start, '--once'], { env: { ...process.env, PORT: String(port) } })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const [code] = await once(child, 'exit')
  taken.close()
  expect(said.trim()).toBe(`Port ${port} is in use. Choose another: PORT=3001 npm start`)
  expect(code).toBe(1)
})
