import { memoryStore } from '@sluice/core'
import { sluice } from '@sluice/express'
import express from 'express'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../index.ts'

describe('a manual clock', () => {
  it('stands still until it is advanced, by milliseconds or by a text', () => {
    const clock = manualClock(1_000)
    expect(clock()).toBe(1_000)
    clock.advance(5)
    clock.advance('61s')
    expect(clock()).toBe(62_005)
  })

  it('moves the limits of a memory store', async () => {
    const clock = manualClock()
    const limit = sluice({ store: memoryStore({ clock }) })
    const app = express().get('/', limit('1/min', { name: 'home' }), (_request, response) => response.send('ok'))
    await request(app).get('/').expect(200)
    clock.advance(59_999)
    await request(app).get('/').expect(429)
    clock.advance(1)
    await request(app).get('/').expect(200)
  })

  it('refuses to go back, or by half a millisecond', () => {
    const clock = manualClock()
    expect(() => clock.advance(-1)).toThrow(/advance\(\): expected a whole number/)
    expect(() => clock.advance(0.5)).toThrow(/expected a whole number/)
    expect(() => clock.advance('1 fortnight' as '1d')).toThrow(/expected a time such as '15min'/)
    expect(() => manualClock(-1)).toThrow(/manualClock\(\): expected a whole number/)
    expect(clock()).toBe(0)
  })
})
