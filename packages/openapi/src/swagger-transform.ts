import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'
import { documentLimits } from './document/document-limits.js'
import { checkDescribeOptions, type DescribeOptions } from './limits/described-limit.js'
import { type FastifyLike, isFastify, recordRoutes } from './routes/fastify-routes.js'
import { limitedRoutes } from './routes/limited-routes.js'

/** What `@fastify/swagger` gives its `transformObject`. */
export type SwaggerDocument<T extends object> =
  | { readonly openapiObject: T }
  | { readonly swaggerObject: object; readonly openapiObject?: undefined }

/**
 * Documents the limits of an app in the document that `@fastify/swagger` makes of it. Call it before the routes are declared.
 * @example
 * await app.register(swagger, { openapi: { info }, transformObject: swaggerTransform(app) })
 * @throws {ConfigError} where it is no app of Fastify; at the first document, where that is Swagger 2.0.
 */
export function swaggerTransform(
  app: FastifyLike,
  options: DescribeOptions = {},
): <T extends object>(document: SwaggerDocument<T>) => T {
  checkDescribeOptions('swaggerTransform()', options)
  if (!isFastify(app)) throw new ConfigError(`swaggerTransform() takes an app of Fastify, got ${shown(app)}.`)
  recordRoutes(app)
  return ({ openapiObject }) => {
    if (openapiObject !== undefined) return documentLimits(openapiObject, limitedRoutes(app, options))
    throw new ConfigError(
      'swaggerTransform(): @fastify/swagger makes a document of Swagger 2.0 unless it has the option openapi. Add it, as in ' +
        "{ openapi: { info: { title: 'My API', version: '1.0.0' } } }.",
    )
  }
}
