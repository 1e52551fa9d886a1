import { createLimiter, memoryStore } from '@sluice/core'
import * as z from 'zod'
import { isConfigError } from '../problems.js'
import { type Form, quoting, strict, whole } from './expectations.js'
import { help } from './help.js'
import { limitSchema, type ParsedLimit } from './limits.js'
import { optionShape, type ParsedOptions } from './options.js'
import { nameSchema, type ParsedPolicy, policiesSchema } from './policies.js'

/** Defaults of a file: options of all limits, and how many servers there are. */
export interface ParsedDefaults extends ParsedOptions {
  readonly instances?: number | undefined
}

/** A file, checked, with its policies made. */
export interface ParsedFile {
  readonly $schema?: string | undefined
  readonly store?: string | undefined
  readonly defaults?: ParsedDefaults | undefined
  readonly plans?: Readonly<Record<string, readonly ParsedPolicy[]>> | undefined
  readonly limits?: Readonly<Record<string, ParsedLimit>> | undefined
}

/** The one source of what a file may hold: the check of every file, and the JSON Schema for editors, are made of it. */
export function fileSchema(form: Form): z.ZodType<ParsedFile> {
  const instances = whole(1, 1_000_000, 'How many servers share the store; during an outage, each enforces its share.')
  const policies = policiesSchema(form)
  const file = strict('an object with store, defaults, plans and limits', {
    $schema: z
      .string('expected the address of this schema')
      .register(help, { description: 'The address of this schema.' })
      .optional(),
    store: z
      .string("expected a store's URL such as 'redis://localhost:6379'")
      .register(help, {
        description: 'Where buckets live: a URL. Defaults to the memory of the process.',
        examples: ['$' + '{SLUICE_STORE}', 'memory:', 'redis://localhost:6379'],
      })
      .optional(),
    defaults: strict('an object with the defaults of all limits', {
      ...optionShape(form),
      instances: instances.optional(),
    })
      .register(help, { description: 'Options that hold for every limit without its own.' })
      .optional(),
    plans: named(policies, 'an object with the policies of each plan', 'Policies by the name of a plan.').optional(),
    limits: named(limitSchema(form, policies), 'an object with a limit for each name', 'Limits by name.').optional(),
  })
  return file.register(help, { title: 'Sluice configuration' }).superRefine(checkTogether)
}

function named<T>(value: z.ZodType<T>, what: string, description: string): z.ZodType<Record<string, T>> {
  return z.record(nameSchema('The name.'), value, `expected ${what}`).register(help, { description })
}

/** What cannot be seen in one place of a file. */
function checkTogether({ plans, limits = {} }: ParsedFile, context: z.core.$RefinementCtx): void {
  for (const [name, policies] of Object.entries(plans ?? {})) {
    const fault = sharedBucket(name, policies)
    if (fault !== undefined) context.addIssue({ ...fault, path: ['plans', name] })
  }
  for (const [name, { policies, plan }] of Object.entries(limits)) {
    if (plan !== undefined && plans === undefined) {
      const message = 'expected plans in this file, got none to choose from'
      context.addIssue({ code: 'custom', path: ['limits', name, 'plan'], message })
    }
    const fault = policies === undefined ? undefined : sharedBucket(name, policies)
    if (fault !== undefined) context.addIssue({ ...fault, path: ['limits', name] })
  }
}

/** What core says of policies that it cannot tell apart, or of what is none. */
function sharedBucket(name: string, given: readonly ParsedPolicy[]): ReturnType<typeof quoting> | undefined {
  try {
    const policies = given.map(({ policy, name: own }) => ({ policy, name: own }))
    createLimiter({ name, policies, store: memoryStore() })
    return undefined
  } catch (error) {
    if (!isConfigError(error)) throw error
    return quoting(error.message, 'expected policies that can be told apart')
  }
}
