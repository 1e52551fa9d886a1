import type { LimitOptions, LimitPolicyLike, PolicyFunction } from '@sluice/core/http'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * A limit as a hook: for `onRequest`, or for `preHandler` where it reads the body. It names no more of a request and a
 * reply than it must, so that it fits servers over HTTP/2, with a logger of their own and with any type provider.
 */
export type LimitHook = (
  request: Pick<FastifyRequest, 'id' | 'ip'>,
  reply: Pick<FastifyReply, 'sent'>,
  done: (error?: Error) => void,
) => void

/** Policies as a route's `config.limit` takes them. */
export type RoutePolicies = LimitPolicyLike<FastifyRequest> | readonly LimitPolicyLike<FastifyRequest>[]

/** Policies, and a limit's options beside them. */
export interface RouteLimit extends LimitOptions<FastifyRequest> {
  readonly policies:
    | LimitPolicyLike<FastifyRequest>
    | readonly LimitPolicyLike<FastifyRequest>[]
    | PolicyFunction<FastifyRequest>
}
