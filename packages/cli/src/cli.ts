import { run } from './program.js'
import { EXIT } from './terminal/exit.js'

// A reader that has seen enough, such as head, closes the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed),
)

/** An app that was imported may keep the process alive. */
function end(code: number): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
}

run(process.argv.slice(2)).then(end, (error: unknown) => {
  console.error(error)
  end(EXIT.failed)
})
