import { ConfigError } from '@sluice/core'
import { checkOptions, shown } from '@sluice/core/runtime'
import type { DescribedLimit } from '../limits/described-limit.js'
import { type LimitedRoute, limitsOf } from '../routes/limited-route.js'
import { denialSection } from './denial-section.js'
import { fieldsSection } from './fields-section.js'
import { type LimitedPlace, limitsTable } from './limits-table.js'
import { retrySection } from './retry-section.js'

export interface MarkdownOptions {
  /** The title of the page; defaults to `Rate limits`. */
  readonly title?: string | undefined
  /** What the programs on the page ask; defaults to a GET route of `https://api.example.com`. */
  readonly url?: string | undefined
}

/**
 * A page for the customers of an API: its limits by route and plan, the header fields with the values of one of them, a denial as
 * the server sends it, and programs that retry. It takes routes, or limits alone where their routes are not known.
 * @example writeFileSync('rate-limits.md', limitsMarkdown(limitedRoutes(app), { url: 'https://api.example.com/search' }))
 * @throws {ConfigError} where there is no limit, or on an option that cannot be right.
 */
export function limitsMarkdown(
  limited: readonly LimitedRoute[] | readonly DescribedLimit[],
  options: MarkdownOptions = {},
): string {
  checkOptions('limitsMarkdown()', options, ['title', 'url'])
  const places = placesOf(limited)
  const limits = limitsOf(places)
  if (limits.length === 0) {
    throw new ConfigError('limitsMarkdown(): none of these routes has a limit, so there is nothing to document.')
  }
  const { title = 'Rate limits', url = `https://api.example.com${examplePath(places)}` } = options
  checkTitle(title)
  const sections = [
    `# ${title}`,
    'Requests to this API are limited. A request beyond a limit is denied with the status 429 and says when to try again.',
    limitsTable(places),
    fieldsSection(limits),
    denialSection(limits),
    retrySection(checkUrl(url)),
  ]
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`
}

/** Limits alone are shown by their names. */
function placesOf(limited: readonly LimitedRoute[] | readonly DescribedLimit[]): readonly LimitedPlace[] {
  if (!Array.isArray(limited)) {
    throw new ConfigError(
      `limitsMarkdown(): expected routes, as limitedRoutes(app) returns them, or limits, as describeLimits(config) does, got ${shown(limited)}.`,
    )
  }
  return (limited as readonly (LimitedRoute | DescribedLimit)[])
    .map((one) => ('limits' in one ? one : { limits: [one] }))
    .filter(({ limits }) => limits.length > 0)
}

/** The first route that can be asked without knowing more of the API. */
function examplePath(places: readonly LimitedPlace[]): string {
  const route = places.find(({ method, path }) => (method === 'GET' || method === '*') && path?.includes('{') === false)
  return route?.path ?? '/'
}

function checkTitle(title: unknown): void {
  if (typeof title === 'string' && title !== '' && !title.includes('\n')) return
  throw new ConfigError(`title: expected one line of text, as in 'Rate limits', got ${shown(title)}.`)
}

/** @throws {ConfigError} unless it can stand in a program as it is. */
function checkUrl(url: unknown): string {
  if (typeof url === 'string' && /^https?:\/\/[\w.~:/?#[\]@!&()*+,;=%-]+$/.test(url) && URL.canParse(url)) return url
  throw new ConfigError(`url: expected an http or https URL, as in 'https://api.example.com/books', got ${shown(url)}.`)
}
