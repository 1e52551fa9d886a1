import { describe, isThenable, warn } from '@sluice/core/runtime'

const complained = new Set<string>()
const MOST_COMPLAINTS = 100

/** Something of a call failed that must not fail the call: told of once, in a process warning. */
export function complain(what: string, error: unknown): void {
  const sentence = `llm(), ${what}: ${describe(error)}`
  if (complained.size >= MOST_COMPLAINTS || complained.has(sentence)) return
  complained.add(sentence)
  warn('SLUICE_LLM', sentence)
}

/** The answer of a function that is not waited for: a promise is none, and must not end the process when it rejects. */
export function heeded(option: string, answer: unknown): unknown {
  if (!isThenable(answer)) return answer
  Promise.resolve(answer).catch((error) => complain(option, error))
  return answer
}
