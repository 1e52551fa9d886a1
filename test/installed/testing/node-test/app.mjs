import { sluice } from '@sluice/express'
import express from 'express'

export function createApp(options = { store: process.env.SLUICE_STORE }) {
  const app = express()
  const limit = sluice(options)
  const login = limit('5/15min', { name: 'login' })

  app.post('/login', login, (_req, res) => res.sendStatus(401))
  app.get('/search', limit('100/min', { name: 'search' }), (_req, res) => res.json([]))
  return { app, limit, login }
}
