/** Scanners that name themselves in the User-Agent. */
const TOOLS =
  /sqlmap|nikto|nmap|masscan|zgrab|nuclei|gobuster|dirbuster|dirb\b|wpscan|hydra|ffuf|feroxbuster|acunetix|nessus|openvas|w3af|arachni|jaeles|httpx - open-source/i

const MOST_REMEMBERED = 10_000

let known = new Map<string, boolean>()

/** Whether a User-Agent is that of a known scanner. */
export function isAttackTool(agent: string | undefined): boolean {
  if (agent === undefined) return false
  const remembered = known.get(agent)
  if (remembered !== undefined) return remembered
  if (known.size >= MOST_REMEMBERED) known = new Map()
  const isTool = TOOLS.test(agent)
  known.set(agent, isTool)
  return isTool
}
