import { type Policy, slidingWindow } from '@sluice/core'
import { nearestTo } from '@sluice/core/runtime'
import * as z from 'zod'
import { isConfigError } from '../problems.js'
import { CONSTRUCTORS, type Constructor } from './constructors.js'
import { type Cost, costSchema } from './costs.js'
import { customOf, type Form, quoting, strict } from './expectations.js'
import { help } from './help.js'
import { type Key, keySchema } from './keys.js'
import { rateText } from './rates.js'

/** A policy of a file, made by its constructor, with a key and a cost of its own where it has them. */
export interface ParsedPolicy {
  readonly policy: Policy
  readonly name?: string | undefined
  readonly key?: Key | undefined
  readonly cost?: Cost | undefined
}

export const CONSTRUCTOR_NAMES: readonly string[] = Object.keys(CONSTRUCTORS)

const EXAMPLE = "a limit such as '100/min', or an object such as { tokenBucket: '10/s', burst: 40 }"

/** A list of policies, or the only one. */
export function policiesSchema(form: Form): z.ZodType<readonly ParsedPolicy[]> {
  const policy = policySchema(form)
  const list = z.array(policy, '').min(1, 'expected at least one policy, got an empty list')
  return z
    .union([policy.transform((one) => [one]), list], {
      error: ({ input }) => constructorFault(input) ?? `expected ${EXAMPLE}, or a list of them`,
    })
    .register(help, { id: 'policies', description: 'One policy or several.' })
}

function policySchema(form: Form): z.ZodType<ParsedPolicy> {
  const objects = Object.entries(CONSTRUCTORS).map(([name, parts]) => constructed(name, parts, form))
  return z
    .union([policyText().transform((policy) => ({ policy })), ...objects, ...(form === 'code' ? ofCode() : [])], {
      error: ({ input }) => constructorFault(input) ?? `expected ${EXAMPLE}`,
    })
    .register(help, {
      id: 'policy',
      description: 'A limit as a text, or an object with one constructor and its options.',
    })
}

function constructed(
  name: string,
  { text, options, description, construct }: Constructor,
  form: Form,
): z.ZodType<ParsedPolicy> {
  const shape = {
    [name]: text(`expected a limit as the text of ${name}`),
    ...options,
    name: nameSchema('A name of its own, in header fields and in the store.').optional(),
    key: keySchema(form).optional(),
    cost: costSchema(form).optional(),
  }
  return strict(EXAMPLE, shape)
    .register(help, { title: name, description })
    .transform(async (given, context) => {
      const { [name]: rate, key, cost, ...rest } = given as { key?: Key; cost?: Cost } & Record<string, unknown>
      const policy = await made(name, context, () => construct(String(rate), rest))
      return { policy, key, cost }
    })
}

/** What constructors have made already, alone or with a name, a key or a cost. */
function ofCode(): z.ZodType<ParsedPolicy>[] {
  const policy = customOf<Policy>(isPolicy, `expected ${EXAMPLE}`)
  const named = strict(EXAMPLE, {
    policy: z.union([policy, policyText()], `expected ${EXAMPLE}`),
    name: nameSchema('').optional(),
    key: keySchema('code').optional(),
    cost: costSchema('code').optional(),
  })
  return [policy.transform((one) => ({ policy: one })), named]
}

/** Core looks closer: this is enough to tell a policy from the object of a file. */
function isPolicy(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'algorithm' in value && 'address' in value
}

/** A text alone is a sliding window. */
function policyText(): z.ZodType<Policy> {
  return rateText(`expected ${EXAMPLE}`).transform((rate, context) =>
    made('slidingWindow', context, () => slidingWindow<string>(rate)),
  )
}

/** What a constructor refuses is an issue like all others. */
async function made(
  name: string,
  context: z.core.$RefinementCtx,
  construct: () => Policy | Promise<Policy>,
): Promise<Policy> {
  try {
    return await construct()
  } catch (error) {
    if (!isConfigError(error)) throw error
    context.addIssue(
      quoting(
        error.message,
        `expected a limit that ${name} accepts, such as ${name === 'quota' ? '10k/month' : '100/min'}`,
      ),
    )
    return z.NEVER
  }
}

/** What is wrong with an object where a policy is expected: it has no constructor, or several. */
export function constructorFault(given: unknown): string | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined
  const keys = Object.keys(given)
  const used = keys.filter((key) => CONSTRUCTOR_NAMES.includes(key))
  if (used.length > 1) return `expected one constructor, got ${used.join(' and ')}`
  const nearest = keys.map((key) => nearestTo(key, CONSTRUCTOR_NAMES)).find((name) => name !== undefined)
  const advice = nearest === undefined ? '' : `. Did you mean "${nearest}"?`
  return `expected an object with one of ${CONSTRUCTOR_NAMES.join(', ')}, got one without${advice}`
}

/** A name as core takes it. */
export function nameSchema(description: string): z.ZodString {
  const sentence = 'expected a name of 1 to 128 characters of printable ASCII'
  return z
    .string(sentence)
    .regex(/^[ -~]{1,128}$/, sentence)
    .register(help, { description })
}
