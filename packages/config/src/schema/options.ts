import { LARGEST_QUOTA } from '@sluice/core/calendar'
import { checkDialects, type Dialect, type LimitOptions } from '@sluice/core/http'
import * as z from 'zod'
import type { ConfigRequest } from '../config.js'
import { ban, clients, delay } from './client-options.js'
import { costSchema } from './costs.js'
import { type Form, flag, functionOf, oneOf, quoting, whole } from './expectations.js'
import { help } from './help.js'
import { type Key, keySchema } from './keys.js'

type Options = LimitOptions<ConfigRequest>

/** Options of a limit, which may also be defaults. */
export interface ParsedOptions extends Omit<Options, 'name' | 'key'> {
  readonly key?: Key | undefined
}

/** The schemas of a limit's options, by name. */
export function optionShape(form: Form): { [Name in keyof Required<ParsedOptions>]: z.ZodType<ParsedOptions[Name]> } {
  return {
    key: keySchema(form).optional(),
    cost: costSchema(form).optional(),
    id: onlyCode<Required<Options>['id']>('id', form, 'Requests of one id count once.'),
    keepIdsMs: whole(1_000, 31_536_000_000, 'Milliseconds for which an id counts once; defaults to a day.').optional(),
    skip: onlyCode<Required<Options>['skip']>('skip', form, 'Requests that are not limited.'),
    allow: clients(form, 'Clients that are not limited.').optional(),
    block: clients(form, 'Clients that are always denied.').optional(),
    ban: ban().optional(),
    countDenied: flag('Takes from a client that is denied all the same.').optional(),
    delay: delay(form).optional(),
    maxDebt: whole(0, LARGEST_QUOTA, 'Units beyond what passes at once that a client can owe.').optional(),
    refund: refund(form).optional(),
    warnAt: warnAt().optional(),
    warnEvery: whole(
      1,
      LARGEST_QUOTA,
      'Units after which a warning is emitted again, beyond the highest warnAt.',
    ).optional(),
    headers: headers().optional(),
    response: onlyCode<Required<Options>['response']>('response', form, 'Replaces the response to a denied request.'),
    deny: oneOf(['response', 'error'], "'error' passes a RateLimitError to the framework's error handling.").optional(),
    ipv6Prefix: whole(32, 128, 'The bits of an IPv6 address that are one client; defaults to 64.').optional(),
    shadow: flag('Decides, counts and reports, but never denies.').optional(),
    timeoutMs: whole(1, 60_000, 'Milliseconds that a decision may wait for the store; defaults to 200.').optional(),
    onStoreError: oneOf(
      ['local', 'allow', 'deny'],
      'What decides while the store is unavailable; defaults to local.',
    ).optional(),
  }
}

/** Functions that a file of data cannot hold: there, the key is known, but has no right value. */
function onlyCode<F>(name: string, form: Form, description: string): z.ZodType<F | undefined> {
  if (form === 'code') return functionOf<F>('expected a function').register(help, { description }).optional()
  return z.never(`expected no ${name}, which is a function: only sluice.config.js and .ts can hold it`).optional()
}

function refund(form: Form): z.ZodType<Options['refund']> {
  const words = oneOf(['successful', 'failed'], 'Which finished responses give back what they took.')
  if (form === 'data') return words
  const sentence = "expected 'successful', 'failed' or a function of the status"
  return z.union([words, functionOf<(status: number) => boolean | Promise<boolean>>('')], sentence)
}

function warnAt(): z.ZodType<number | readonly number[]> {
  const sentence = 'expected a share above 0 and up to 1, as in 0.8'
  const share = z.number(sentence).gt(0, sentence).max(1, sentence)
  return z.union([share, z.array(share)], `${sentence}, or a list of them`).register(help, {
    description: 'Used shares of a quota from which on the client is warned.',
    examples: [0.8, [0.5, 0.8]],
  })
}

const DIALECTS = ['draft', 'draft+pk', 'draft-7', 'draft-6', 'legacy'] as const

function headers(): z.ZodType<Dialect | readonly Dialect[]> {
  const dialect = oneOf(DIALECTS, 'A dialect of the RateLimit fields.')
  const list = z.array(dialect).superRefine((dialects, context) => {
    try {
      checkDialects(dialects)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      context.addIssue(quoting(message, 'expected dialects of which one is a draft at most'))
    }
  })
  const sentence = `expected ${DIALECTS.join(', ')}, or a list of them, which may be empty`
  return z.union([dialect, list], sentence).register(help, {
    description: "How header fields report limits; defaults to 'draft', [] for not at all.",
  })
}
