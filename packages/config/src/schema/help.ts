import * as z from 'zod'

/** What the JSON Schema says of a value beside its type: what editors show and complete. */
export interface Help {
  readonly id?: string
  readonly title?: string
  readonly description?: string
  readonly examples?: readonly unknown[]
  /** Of a text that a constructor checks. */
  readonly pattern?: string
  readonly oneOf?: readonly { readonly required: readonly string[] }[]
  readonly propertyNames?: { readonly pattern: string }
}

/** A registry of its own: zod's global one belongs to the app. */
export const help: z.core.$ZodRegistry<Help> = z.registry<Help>()
