import type { BanOptions } from '@sluice/core'
import type { Clients, DelayOptions, LimitOptions } from '@sluice/core/http'
import * as z from 'zod'
import type { ConfigRequest } from '../config.js'
import { type Form, functionOf, strict, whole } from './expectations.js'
import { help } from './help.js'

/** Clients that are allowed or blocked: addresses, ranges and keys, or in code a function. */
export function clients(form: Form, description: string): z.ZodType<Clients<ConfigRequest>> {
  const sentence = "expected a list of addresses, ranges and keys, as in ['10.0.0.0/8', 'office']"
  const client = z.string('expected an address, a range or a key').min(1, 'expected an address, a range or a key')
  const list = z.array(client, sentence).register(help, { description, examples: [['10.0.0.0/8', 'office']] })
  if (form === 'data') return list
  const test = functionOf<(request: ConfigRequest) => boolean | Promise<boolean>>('')
  return z.union([list, test], `${sentence}, or a function`)
}

/** A time as core takes it: milliseconds, or a text. */
function time(description: string): z.ZodType<BanOptions['for']> {
  const sentence = "expected a time such as '15min', '1h' or 90000 (milliseconds)"
  const text = z.string(sentence).regex(/^([1-9]\d{0,5})?[a-z]+$/, sentence)
  const ms = whole(1, Number.MAX_SAFE_INTEGER, description)
  return z.union([text, ms], sentence).register(help, { description, examples: ['1h'] }) as z.ZodType<BanOptions['for']>
}

export function ban(): z.ZodType<BanOptions> {
  return strict('after, within and for, as in { after: 10, within: 1min, for: 1h, max: 1d }', {
    after: whole(1, 1_000_000, 'So many denials ban a key.'),
    within: time('Within this time, from the first of them on.'),
    for: time('How long the first ban lasts; each further one lasts twice as long.'),
    max: time('The longest ban; defaults to a day.').optional(),
  }).register(help, { description: 'Shuts a key out that is denied too often.' })
}

export function delay(form: Form): z.ZodType<LimitOptions<ConfigRequest>['delay']> {
  const numbers: z.ZodType<DelayOptions> = strict('stepMs, as in { after: 50, stepMs: 100, maxMs: 5000 }', {
    after: whole(0, Number.MAX_SAFE_INTEGER, 'Units that pass without a delay; defaults to the quota.').optional(),
    stepMs: whole(1, 600_000, 'Milliseconds for each unit beyond.'),
    maxMs: whole(1, 600_000, 'The longest delay; defaults to 60 seconds.').optional(),
  }).register(help, { description: 'Slows requests down instead of denying them.' })
  if (form === 'data') return numbers
  return z.union([numbers, functionOf<never>('')], 'expected { after, stepMs, maxMs } or a function')
}
