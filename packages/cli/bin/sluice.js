#!/usr/bin/env node
// Stands here and not in dist, so that a checkout that has not been built yet can link it.
import '../dist/cli.js'
