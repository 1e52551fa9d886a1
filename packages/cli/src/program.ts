import { readFileSync } from 'node:fs'
import { describe } from '@sluice/core/runtime'
import { Command, CommanderError } from 'commander'
import { compareCommand } from './commands/compare.js'
import { docsCommand } from './commands/docs.js'
import { loadCommand } from './commands/load.js'
import { mockCommand } from './commands/mock.js'
import { simulateCommand } from './commands/simulate.js'
import { CommandError, EXIT } from './terminal/exit.js'
import type { Streams } from './terminal/streams.js'

const EXIT_CODES = `
Exit codes:
  0  done
  1  a log, an output file or a server cannot be used
  2  the command line, a configuration or a document is wrong
  3  a condition of --fail-if or --check holds`

/** Runs a command line; resolves with the exit code. */
export async function run(args: readonly string[], streams: Streams = process): Promise<number> {
  try {
    await program(streams).parseAsync([...args], { from: 'user' })
    return EXIT.ok
  } catch (error) {
    return failed(error, streams)
  }
}

function program(streams: Streams): Command {
  const program = new Command('sluice')
    .description('Try rate limits before they hurt.')
    .version(version(), '--version', 'the version')
    .addHelpText('after', EXIT_CODES)
  for (const add of COMMANDS) add(program, streams)
  for (const command of [program, ...everyCommand(program)]) {
    command
      .exitOverride()
      .showHelpAfterError(`Run ${pathOf(command)} --help for its options.`)
      .configureOutput({
        writeOut: (text) => streams.stdout.write(text),
        writeErr: (text) => streams.stderr.write(text),
      })
  }
  return program
}

const COMMANDS = [simulateCommand, compareCommand, mockCommand, docsCommand, loadCommand]

function version(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return version
}

function everyCommand(command: Command): readonly Command[] {
  return command.commands.flatMap((one) => [one, ...everyCommand(one)])
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

function failed(error: unknown, { stderr }: Streams): number {
  // Commander has said what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  stderr.write(`${describe(error)}\n`)
  if (error instanceof CommandError) return error.exitCode
  return codeOf(error) === 'SLUICE_CONFIG' ? EXIT.usage : EXIT.failed
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
