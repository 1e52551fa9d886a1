import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'

export type Level = 'info' | 'warn' | 'error'

/** One line: what happened, as a name, and what there is to say of it. */
export interface LogEntry {
  readonly level: Level
  /** For people. */
  readonly message: string
  /** For machines, such as `'sluice.denied'`. */
  readonly event: string
  readonly [field: string]: unknown
}

/** A logger of pino or of anything that is called as it is: `warn({ … }, message)`. */
export interface ObjectFirstLogger {
  child(...bindings: never[]): unknown
  info(entry: object, message: string): void
  warn(entry: object, message: string): void
  error(entry: object, message: string): void
}

/** A logger of winston. */
export interface WinstonLogger {
  readonly transports: unknown
  log(entry: never): unknown
}

/** `console`, or what has its methods: a line is one string of JSON. */
export interface ConsoleLogger {
  info(line: string): void
  warn(line: string): void
  error(line: string): void
}

/** Where lines go: pino, winston, `console`, or a function. */
export type Logger = ObjectFirstLogger | WinstonLogger | ConsoleLogger | ((entry: LogEntry) => unknown)

/** A function that writes an entry as the logger wants it. @throws {ConfigError} on what is no logger. */
export function writerFor(logger: Logger): (entry: LogEntry) => unknown {
  if (typeof logger === 'function') return logger
  if (typeof logger !== 'object' || logger === null) throw noLogger(logger)
  if ('transports' in logger && 'log' in logger) return (entry) => logger.log(entry as never)
  if (!('warn' in logger) || typeof logger.warn !== 'function' || !('info' in logger) || !('error' in logger)) {
    throw noLogger(logger)
  }
  if ('child' in logger && typeof logger.child === 'function') {
    return ({ level, message, ...fields }) => logger[level](fields, message)
  }
  return (entry) => (logger as ConsoleLogger)[entry.level](JSON.stringify(entry))
}

function noLogger(logger: unknown): ConfigError {
  return new ConfigError(
    `logDenials(): expected a logger of pino or winston, console, or a function, got ${shown(logger)}.`,
  )
}
