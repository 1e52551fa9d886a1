import type { Decision } from '../decisions/decision.js'
import type { Standing } from '../decisions/standing.js'
import type { ResponseLike } from './connection.js'
import type { Field } from './headers.js'
import type { PlainPolicies } from './limit-options.js'
import type { RequestReader } from './passage.js'
import type { Reply } from './reply.js'

/** What one limit's requests cost, and what becomes of their responses. */
export interface Measure<Req> {
  readonly policies: PlainPolicies<Req>
  /** The usual answer to a denied request, where the limit's own options have none. */
  response?(decision: Decision, request: Req): Reply
  /** Fields beside those of the limit's `headers`, on every response; `standings` are those that clients may see. */
  fields?(standings: readonly Standing[], request: Req): readonly Field[]
  /** A request has been let through; nothing of its response has been sent. It is settled here, when its true cost is known. */
  admitted?(request: Req, response: ResponseLike, decision: Decision): void
}

/**
 * Policies with whatever measures the requests and the responses that they count, as `llm()` of `@sluice/llm` makes them: `limit`
 * takes it in place of policies.
 */
export interface Measured<Req> {
  readonly kind: 'sluice.measured'
  /** Called once for each limit, with what reads its framework's requests. */
  bind(reader: RequestReader<Req>): Measure<Req>
}

/** Also one of another copy of this module. */
export function isMeasured<Req>(value: unknown): value is Measured<Req> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'sluice.measured'
}
