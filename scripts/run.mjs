// Runs a file of the repository, as an example's `npm start`, with what it needs installed and built.
import { pathToFileURL } from 'node:url'
import { bootstrap, root } from './bootstrap.mjs'

bootstrap()
await import(pathToFileURL(`${root}${process.argv[2]}`))
