import { IncomingMessage, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'

/** Sends a server so many requests, one after the other, and tells the processor time of one in microseconds. */
export async function cpuOfRequests(server, count) {
  const addresses = Array.from({ length: 1_000 }, (_, i) => `203.0.${i >> 8}.${i & 255}`)
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) await oneRequest(server, addresses[i % addresses.length])
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

function oneRequest(server, address) {
  const socket = new NoSocket(address)
  const request = new IncomingMessage(socket)
  request.method = 'GET'
  request.url = '/'
  request.httpVersionMajor = 1
  request.httpVersionMinor = 1
  request.httpVersion = '1.1'
  request.rawHeaders.push('Host', 'localhost')
  request.headers.host = 'localhost'
  request.complete = true
  request.push(null)
  const response = new ServerResponse(request)
  response.assignSocket(socket)
  return new Promise((resolve, reject) => {
    response.once('finish', () => {
      if (response.statusCode === 200) resolve()
      else reject(new Error(`answered ${response.statusCode}`))
    })
    server.emit('request', request, response)
  })
}

/** Takes whatever is written to it. */
class NoSocket extends Duplex {
  constructor(remoteAddress) {
    super()
    this.remoteAddress = remoteAddress
  }
  _read() {}
  _write(_chunk, _encoding, done) {
    done()
  }
  _writev(_chunks, done) {
    done()
  }
}
