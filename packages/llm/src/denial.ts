import type { Decision, Standing } from '@sluice/core'
import { problem, Refusal, type Reply, sentenceOf } from '@sluice/core/http'
import type { Problem, Provider } from './providers/provider.js'

/** Clients wait for so long by themselves; SDKs that are told more ignore it and come back at once, or sleep for days. */
const WORTH_WAITING_MS = 60_000

/** How a denial is told in a provider's words, so that its SDKs wait where that helps, and give up where it does not. */
export function denialReply(decision: Decision, provider: Provider, usualMs: number): Reply {
  const { status = 429 } = problem(decision)
  const message = sentenceOf(decision)
  if (status === 503) return reply(provider, { status, code: 'server_overloaded', message }, decision.retryAfterMs)
  if (status !== 429) return reply(provider, { status, code: 'access_denied', message }, undefined)
  const { retryAfterMs, override } = decision
  const isShutOut = typeof override?.to === 'string'
  if (!isShutOut && deniers(decision).some((one) => isTooLarge(one, decision))) {
    return reply(provider, { status: 400, code: 'context_length_exceeded', message }, undefined)
  }
  const soonMs = Math.max(1_000, Math.ceil(usualMs / 2 / 1_000) * 1_000)
  if (retryAfterMs > soonMs && deniers(decision).every((one) => isHeld(one, decision) || one.retryAfterMs <= soonMs)) {
    return reply(provider, { status, code: 'rate_limit_exceeded', message: heldMessage(message, soonMs) }, soonMs)
  }
  const isOver = retryAfterMs > WORTH_WAITING_MS
  const code = isOver && decision.binding?.period !== undefined ? 'insufficient_quota' : 'rate_limit_exceeded'
  return reply(provider, { status, code, message }, retryAfterMs, isOver)
}

/** A request that can never be answered. */
export function refusalOf(provider: Provider, problem: Problem): Refusal {
  return new Refusal(reply(provider, problem, undefined), problem.message)
}

/** `undefined` milliseconds: to come back is of no use. */
function reply(provider: Provider, problem: Problem, retryAfterMs: number | undefined, isOver = false): Reply {
  const isTime = retryAfterMs !== undefined && Number.isFinite(retryAfterMs)
  const ms = isTime ? Math.max(1, Math.ceil(retryAfterMs)) : undefined
  return {
    status: problem.status,
    headers: {
      ...(ms === undefined ? {} : { 'retry-after': String(Math.ceil(ms / 1_000)), 'retry-after-ms': String(ms) }),
      ...(ms === undefined || isOver ? { 'x-should-retry': 'false' } : {}),
    },
    body: provider.error(problem),
  }
}

function deniers({ standings }: Decision): readonly Standing[] {
  return standings.filter(({ allowed, policy }) => !allowed && !policy.shadow)
}

/** Whether it needs more than ever passes at once. */
function isTooLarge({ policy, period }: Standing, { asks }: Decision): boolean {
  const most = policy.capacity + (period?.granted ?? 0) + (period?.rolledOver ?? 0)
  return policy.lease === undefined && costOf(policy, asks) > most
}

function costOf(policy: Standing['policy'], asks: Decision['asks']): number {
  return asks.find((ask) => ask.policy === policy)?.cost ?? 0
}

/** Whether there is room but for what others have reserved and not settled yet. */
function isHeld(standing: Standing, { asks }: Decision): boolean {
  return standing.reserved > 0 && standing.remaining + standing.reserved >= costOf(standing.policy, asks)
}

function heldMessage(message: string, soonMs: number): string {
  const seconds = soonMs / 1_000
  const soon = ` Try again in about ${seconds} second${seconds === 1 ? '' : 's'}: they may have ended by then.`
  return message.replace(/ Try again .*$|$/, soon)
}
