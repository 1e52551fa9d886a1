import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isGone, type ResponseLike, whenEnded, whenGone } from './connection.ts'

function responseOverHttp2() {
  const stream = { aborted: false, destroyed: false, closed: false, rstCode: 0 }
  const emitter = new EventEmitter()
  const response: ResponseLike = Object.assign(emitter, {
    statusCode: 200,
    headersSent: true,
    writableEnded: true,
    stream,
  })
  return { stream, response, emitter }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a stream that is closed and does not say so', () => {
  it('has ended at the second look', () => {
    const { stream, response } = responseOverHttp2()
    const ends: boolean[] = []
    whenEnded(response, (delivered) => ends.push(delivered))
    vi.advanceTimersByTime(10_000)
    expect(ends).toEqual([])
    expect(isGone(response)).toBe(false)
    stream.closed = true
    expect(isGone(response)).toBe(true)
    vi.advanceTimersByTime(1_000)
    expect(ends).toEqual([])
    vi.advanceTimersByTime(1_000)
    expect(ends).toEqual([false])
    vi.advanceTimersByTime(10_000)
    expect(ends).toEqual([false])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('has ended once, where it says so after all', () => {
    const { stream, response, emitter } = responseOverHttp2()
    const ends: boolean[] = []
    whenEnded(response, (delivered) => ends.push(delivered))
    stream.closed = true
    vi.advanceTimersByTime(1_000)
    emitter.emit('finish')
    emitter.emit('close')
    vi.advanceTimersByTime(10_000)
    expect(ends).toHaveLength(1)
  })

  it('is nobody’s concern once nobody watches', () => {
    const { stream, response, emitter } = responseOverHttp2()
    let calls = 0
    const stopWatching = whenGone(response, () => calls++)
    stream.closed = true
    stopWatching()
    vi.advanceTimersByTime(10_000)
    expect(calls).toBe(0)
    expect(emitter.listenerCount('close')).toBe(0)
  })
})
