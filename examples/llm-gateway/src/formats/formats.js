import { anthropic } from './anthropic.js'
import { openai } from './openai.js'

/** The APIs that clients and providers speak. */
export const FORMATS = { openai, anthropic }

/** In which of them a request is answered. */
export function formatOf({ path }) {
  return path === anthropic.path ? anthropic : openai
}
