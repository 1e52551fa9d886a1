/** koa-ratelimit has no types of its own: the options that its README and its source name. */
declare module 'koa-ratelimit' {
  import type { Context, Middleware } from 'koa'

  interface Options {
    readonly driver?: 'redis' | 'memory'
    readonly db?: object
    readonly duration?: number
    readonly max?: number
    readonly id?: (ctx: Context) => string | false
    readonly namespace?: string
    readonly headers?: { readonly remaining?: string; readonly reset?: string; readonly total?: string }
    readonly disableHeader?: boolean
    readonly errorMessage?: string | object
    readonly status?: number
    readonly whitelist?: (ctx: Context) => boolean | Promise<boolean>
    readonly blacklist?: (ctx: Context) => boolean | Promise<boolean>
    readonly onLimited?: (ctx: Context) => void
    readonly throw?: boolean
  }

  export default function ratelimit(options?: Options): Middleware
}
