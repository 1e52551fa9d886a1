/**
 * A dashboard of limits in the server that has them.
 * @module @sluice/dashboard
 */

export type { AuditEntry } from './audit.js'
export {
  type Dashboard,
  type DashboardOptions,
  dashboard,
  type FastifyScope,
  type KoaContext,
  type LimitOfRequests,
} from './dashboard.js'
export type { Access, Auth, Role } from './http/access.js'
