import { conformance } from '../conformance/suite.ts'
import { startCluster, startSentinels } from '../redis/servers.ts'

conformance([{ title: 'Express 5 over Redis Cluster', example: 'express', module: 'express' }], async () => {
  const cluster = await startCluster()
  return { environment: { SLUICE_STORE: cluster.url }, close: () => cluster.stop() }
})

conformance([{ title: 'Express 5 behind Sentinels', example: 'express', module: 'express' }], async () => {
  const sentinels = await startSentinels()
  return { environment: { SLUICE_STORE: sentinels.url }, close: () => sentinels.stop() }
})
