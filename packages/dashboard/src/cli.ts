#!/usr/bin/env node
import { once } from 'node:events'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { createStore } from '@sluice/core'
import { describe } from '@sluice/core/runtime'
import { mountable } from './dashboard.js'
import { Hub } from './hub.js'
import { StoreSources } from './standalone.js'

const USAGE = `Usage: npx @sluice/dashboard <store> [--port 4001]

Shows the limits of all servers that share a store and have a dashboard mounted, at localhost.

  <store>       as in your servers: redis://localhost:6379, redis+cluster://…, upstash:
  --port        the port at localhost; defaults to 4001, 0 is any that is free
  --help        this text

The environment variable SLUICE_STORE is used where no store is named. Exit codes: 0 ended, 1 the store or the port cannot be
used, 2 the command line is wrong.`

async function main(): Promise<void> {
  const { url, port } = options()
  if (url === 'memory:') end(2, `A memory store is of one process: name the store that your servers share.\n\n${USAGE}`)
  await knowCalendars()
  const store = createStore(url)
  const sources = new StoreSources(store)
  await sources.begin()
  const page = mountable(new Hub(sources, undefined, store, undefined), undefined)
  const server = createServer((request, response) => page(request, response)).listen(port, '127.0.0.1')
  await once(server, 'listening').catch((error: unknown) => {
    if (describe(error).includes('EADDRINUSE')) end(1, `Port ${port} is in use; choose another with --port.`)
    throw error
  })
  const address = server.address()
  const shown = typeof address === 'object' && address !== null ? address.port : port
  console.log(`The dashboard of ${store.url ?? url} is at http://localhost:${shown}/`)
  if (sources.limits().length === 0) {
    console.log(
      `No server has published a limit under the prefix ${store.prefix ?? 'sluice'} yet: mount dashboard(limit) in them, and limits ` +
        'appear here within seconds. Another prefix stands in the URL: redis://localhost:6379?prefix=mine',
    )
  }
}

/** Calendars are restored by the package that made them, if it is here, once it has made one. */
async function knowCalendars(): Promise<void> {
  try {
    const { quota } = (await import('@sluice/quota' as string)) as { quota(text: string): unknown }
    quota('1/day')
  } catch {
    // Without it, limits with calendar quotas are shown by their history alone.
  }
}

function options(): { readonly url: string; readonly port: number } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { port: { type: 'string', default: '4001' }, help: { type: 'boolean', default: false } },
    })
    if (values.help) end(0, USAGE)
    const [url = process.env['SLUICE_STORE'], ...others] = positionals
    const port = Number(values.port)
    if (url === undefined || url === '') end(2, `No store was named.\n\n${USAGE}`)
    if (others.length > 0) end(2, `One store at a time; got ${others.length + 1}.\n\n${USAGE}`)
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      end(2, `--port is a number from 0 to 65535, got ${values.port}.`)
    return { url, port }
  } catch (error) {
    return end(2, `${describe(error)}\n\n${USAGE}`)
  }
}

function end(code: number, sentence: string): never {
  if (code === 0) console.log(sentence)
  else console.error(sentence)
  process.exit(code)
}

main().catch((error: unknown) => end(1, describe(error)))
