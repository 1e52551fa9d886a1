import type { Decision } from '../decisions/decision.js'
import { isSent, type ResponseLike } from './connection.js'
import type { Exchange } from './exchange.js'
import type { Passage } from './passage.js'
import { sentenceOf } from './problem.js'
import { RateLimitError } from './rate-limit-error.js'
import type { Refusal } from './refusal.js'
import { completeReply, type Reply } from './reply.js'

/** Nothing is to be written, and nothing goes on. */
export const OVER: Passage = { allowed: false, over: true, decision: undefined, status: 0, fields: [], body: undefined }

/** The response has begun: a limit behind that point has nothing to decide. */
export const PAST: Passage = { ...OVER, allowed: true, over: false, status: 200 }

export function go(decision: Decision | undefined, response: ResponseLike, exchange: Exchange): Passage {
  const fields = isSent(response) ? PAST.fields : exchange.fields()
  return { allowed: true, over: false, decision, status: 200, fields, body: undefined }
}

export function denialAsError(decision: Decision, exchange: Exchange, { status = 429, headers = {} }: Reply): Passage {
  const own = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-type')
  const names = new Set(own.map(([name]) => name.toLowerCase()))
  const fields = [...exchange.fields().filter(([name]) => !names.has(name.toLowerCase())), ...own]
  const error = new RateLimitError(sentenceOf(decision), status, fields, decision)
  return { allowed: false, over: false, decision, status, fields, body: undefined, error }
}

export function denial(reply: Reply, decision: Decision, exchange: Exchange): Passage {
  const { status, fields, body } = completeReply(reply)
  return { allowed: false, over: false, decision, status, fields: [...exchange.fields(), ...fields], body }
}

/** A request that no limit will ever let through: nothing was taken. */
export function refusal(thrown: Refusal, deny: 'response' | 'error', exchange: Exchange): Passage {
  const { status, fields, body } = completeReply(thrown.reply)
  const passage = { allowed: false, over: false, decision: undefined, status } as const
  if (deny === 'error') return { ...passage, fields: exchange.fields(), body: undefined, error: thrown }
  return { ...passage, fields: [...exchange.fields(), ...fields], body }
}

/** The same answer, with what the limits since have decided. */
export function again(
  answer: Passage | Promise<Passage>,
  response: ResponseLike,
  exchange: Exchange,
): Passage | Promise<Passage> {
  if ('then' in answer) return answer.then((settled) => again(settled, response, exchange))
  return answer.allowed ? go(answer.decision, response, exchange) : answer
}
