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
