import { memoryStore } from '@sluice/core'
import { invariants } from './suite.ts'

invariants((clock) => memoryStore({ clock }), 300)
