import { isError } from '../errors.js'
import { completeReply, type Reply } from './reply.js'

/**
 * A request that will never be let through as it is, thrown by a function of a limit's options: the reply is the answer, and
 * nothing is taken.
 * @example limit('1M rows/hour', { cost: (req) => { if (req.body.rows > 1e6) throw new Refusal({ status: 400, body: 'Too many rows.' }) … } })
 */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  /** Always `'SLUICE_REFUSED'`. */
  readonly code = 'SLUICE_REFUSED'
  readonly status: number
  /** The same, as Fastify and others read it. */
  readonly statusCode: number
  readonly reply: Reply
  /** The message may be shown to the client. */
  readonly expose = true

  /** @throws {ConfigError} on a reply that could not be sent. */
  constructor(reply: Reply, message: string = 'The request can never be let through.') {
    super(message)
    const complete = { ...reply, status: reply.status ?? 400 }
    const { status } = completeReply(complete)
    this.reply = complete
    this.status = status
    this.statusCode = status
  }
}

/** By its code: it may come from another copy of this module. */
export function isRefusal(thrown: unknown): thrown is Refusal {
  return isError(thrown) && 'code' in thrown && thrown.code === 'SLUICE_REFUSED'
}
