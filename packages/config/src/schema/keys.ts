import * as z from 'zod'
import type { ConfigRequest } from '../config.js'
import { type Form, functionOf } from './expectations.js'
import { help } from './help.js'

/** A function that returns a request's key. */
export type KeyFunction = (request: ConfigRequest) => string | Promise<string>

/** Where a key comes from: sources that are tried in order, or a function. */
export type Key = readonly string[] | KeyFunction

/** A function that returns the name of a request's plan. */
export type PlanFunction = (request: ConfigRequest) => string

/** Where the name of a plan comes from. */
export type Plan = string | PlanFunction

/** A field name of HTTP is a token (RFC 9110 §5.6.2). */
const HEADER = "header:[!#$%&'*+.^_`|~0-9A-Za-z-]+"

const SOURCE = "expected 'ip' or 'header:<name>'"
const KEY = `${SOURCE}, or a list of them that are tried in order`
const PLAN = "expected 'header:<name>'"

export function keySchema(form: Form): z.ZodType<Key> {
  const source = z.string(SOURCE).regex(new RegExp(`^(?:ip|${HEADER})$`), SOURCE)
  const list = z
    .array(source, KEY)
    .min(1, `${KEY}, at least one`)
    // An address is always there: nothing behind it would be tried.
    .refine((sources) => !sources.slice(0, -1).includes('ip'), "expected 'ip' as the last source, since it never fails")
  const data = z.union([source.transform((one) => [one]), list], KEY).register(help, {
    description:
      'Whose quota a request uses: its address (the default), a header, or the first of a list that is there.',
    examples: ['ip', 'header:x-api-key', ['header:x-api-key', 'ip']],
  })
  if (form === 'data') return data
  return z.union([data, functionOf<KeyFunction>('')], `${KEY}, or a function of the request`)
}

export function planSchema(form: Form): z.ZodType<Plan> {
  const data = z
    .string(PLAN)
    .regex(new RegExp(`^${HEADER}$`), PLAN)
    .register(help, {
      description: 'The header with the name of the plan that a request is on; its policies are those in `plans`.',
      examples: ['header:x-plan'],
    })
  if (form === 'data') return data
  return z.union([data, functionOf<PlanFunction>('')], `${PLAN}, or a function of the request`)
}
