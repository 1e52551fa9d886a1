import { writeSync } from 'node:fs'
import { run } from './program.js'
import { EXIT } from './terminal/exit.js'

let isDone = false

// A reader that has seen enough, such as head, closes the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => end(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed))

// What a configuration or an app that was imported waits for may never come, or it may end the process.
process.once('exit', () => {
  if (isDone) return
  writeSync(
    2,
    'The command did not end: a configuration or an app that it imported waits for something, or has ended the process.\n',
  )
  process.exitCode = EXIT.failed
})

/** An app that was imported may keep the process alive. */
function end(code: number): void {
  process.stdout.write('', () =>
    process.stderr.write('', () => {
      isDone = true
      process.exit(code)
    }),
  )
}

run(process.argv.slice(2)).then(end, (error: unknown) => {
  console.error(error)
  end(EXIT.failed)
})
