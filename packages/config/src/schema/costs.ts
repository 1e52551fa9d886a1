import * as z from 'zod'
import type { ConfigRequest } from '../config.js'
import { type Form, functionOf } from './expectations.js'
import { help } from './help.js'

/** The units a request takes. */
export type Cost = number | ((request: ConfigRequest) => number | Promise<number>)

const COST = 'expected a whole number of units ≥ 0'

export function costSchema(form: Form): z.ZodType<Cost> {
  const data = z.int(COST).min(0, COST).register(help, { description: 'Units that a request takes; defaults to 1.' })
  if (form === 'data') return data
  return z.union([data, functionOf<Exclude<Cost, number>>('')], `${COST}, or a function of the request`)
}
