// Preloaded before an example of the documentation: its server listens on a free port, is asked once, and ends.
import net from 'node:net'

const { listen } = net.Server.prototype

net.Server.prototype.listen = function (first, ...rest) {
  this.once('listening', async () => {
    const { status, headers } = await fetch(`http://localhost:${this.address().port}/`)
    console.log(`answered ${status} ${headers.get('ratelimit')}`)
    process.exit(0)
  })
  return listen.call(this, typeof first === 'number' ? 0 : { ...first, port: 0 }, ...rest)
}

/** The API that examples call, which is nowhere: limited, and well. */
const fetchAnywhere = globalThis.fetch
globalThis.fetch = async (input, init) => {
  const { hostname } = new URL(typeof input === 'object' && 'url' in input ? input.url : input)
  if (!hostname.endsWith('example.com')) return fetchAnywhere(input, init)
  const headers = { ratelimit: '"default";r=99;t=60', 'ratelimit-policy': '"default";q=100;w=60' }
  return Response.json([{ id: 1, name: 'Ann' }], { headers })
}
