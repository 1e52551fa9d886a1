/**
 * Rate limits in OpenAPI documents and Markdown, made of the limits that a server enforces.
 * @module @sluice/openapi
 */

export { documentLimits } from './document/document-limits.js'
export { describeLimits, type LimitsConfig } from './limits/describe-limits.js'
export type { DescribedLimit, DescribedPolicy, DescribeOptions } from './limits/described-limit.js'
export { limitsMarkdown, type MarkdownOptions } from './markdown/limits-markdown.js'
export { type ConfiguredRoutesOptions, configuredRoutes, type LimitNames } from './routes/configured-routes.js'
export { type FastifyLike, recordRoutes } from './routes/fastify-routes.js'
export type { LimitedRoute } from './routes/limited-route.js'
export { limitedRoutes } from './routes/limited-routes.js'
export { type SwaggerDocument, swaggerTransform } from './swagger-transform.js'
export { checkDocument, type Drift } from './text/check-document.js'
export { documentText } from './text/document-text.js'
export { type Overlay, type OverlayAction, overlayOf } from './text/overlay.js'
