const { sluice } = require('@sluice/express')
const express = require('express')

function createApp(options = { store: process.env.SLUICE_STORE }) {
  const app = express()
  const limit = sluice(options)
  const login = limit('5/15min', { name: 'login' })

  app.post('/login', login, (_req, res) => res.sendStatus(401))
  app.get('/search', limit('100/min', { name: 'search' }), (_req, res) => res.json([]))
  return { app, limit, login }
}

module.exports = { createApp }
