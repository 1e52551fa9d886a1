import * as z from 'zod'
import { type Form, strict } from './expectations.js'
import { help } from './help.js'
import { type Plan, planSchema } from './keys.js'
import { optionShape, type ParsedOptions } from './options.js'
import { CONSTRUCTOR_NAMES, constructorFault, type ParsedPolicy } from './policies.js'

/** A limit of a file. Has policies or a plan. */
export interface ParsedLimit extends ParsedOptions {
  readonly policies?: readonly ParsedPolicy[] | undefined
  readonly plan?: Plan | undefined
}

const LIMIT = "a limit such as '5/15min', a policy, a list of them, or an object with policies or plan"

/** A limit: its policies alone, or an object with options. */
export function limitSchema(form: Form, policies: z.ZodType<readonly ParsedPolicy[]>): z.ZodType<ParsedLimit> {
  const shape = { policies: policies.optional(), plan: planSchema(form).optional(), ...optionShape(form) }
  const options = strict(LIMIT, shape, CONSTRUCTOR_NAMES)
    .register(help, {
      title: 'options',
      description: 'A limit with options of its own.',
      oneOf: [{ required: ['policies'] }, { required: ['plan'] }],
    })
    .superRefine((limit, context) => {
      // With a misspelt key it is not yet known what is missing.
      const fault = context.issues.length > 0 ? undefined : oneOfBoth(limit)
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
    })
  return z.union([policies.transform((own) => ({ policies: own })), options], {
    error: ({ input }) => constructorFault(input) ?? `expected ${LIMIT}`,
  })
}

/** The same as the schema's `oneOf`, in a sentence. */
function oneOfBoth({ policies, plan }: ParsedLimit): string | undefined {
  if ((policies === undefined) !== (plan === undefined)) return undefined
  return `expected policies or plan, got ${policies === undefined ? 'neither' : 'both'}`
}
