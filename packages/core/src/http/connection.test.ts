import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { isGone, type ResponseLike, whenEnded } from './connection.ts'

/**
 * Responses over HTTP/2 whose streams stay silent, as in Node.js 20 where their last data was on its way when the connection
 * closed.
 */
function silentConnection() {
  const socket = Object.assign(new EventEmitter(), { destroyed: false })
  const session = { destroyed: false, socket }
  const response = (): ResponseLike => {
    const stream = { aborted: false, destroyed: false, rstCode: 0, session }
    return Object.assign(new EventEmitter(), { statusCode: 200, headersSent: true, writableEnded: true, stream })
  }
  const close = (): void => {
    socket.destroyed = true
    socket.emit('close')
  }
  return { response, socket, close }
}

describe('a response over HTTP/2 whose stream does not say that it is over', () => {
  it('ends with its connection', () => {
    const { response, close } = silentConnection()
    const stuck = response()
    const ends: boolean[] = []
    whenEnded(stuck, (delivered) => ends.push(delivered))
    expect(isGone(stuck)).toBe(false)
    close()
    expect(ends).toEqual([false])
    expect(isGone(stuck)).toBe(true)
  })

  it('shares one listener with all responses on its connection', () => {
    const { response, socket, close } = silentConnection()
    let ended = 0
    for (let i = 0; i < 20; i++) whenEnded(response(), () => ended++)
    expect(socket.listenerCount('close')).toBe(1)
    close()
    expect(ended).toBe(20)
  })
})
