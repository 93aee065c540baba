import {
  generationName,
  type ListedGeneration,
  oneLine,
  printableJson,
  type RollProgress,
  type ServiceStatus,
} from '@endless/core/for-cli'
import type { Client } from '../control/client.js'
import { isServing } from '../control/service-state.js'
import { describeDeath } from '../supervisor/death.js'
import { explainGeneration } from './explain.js'
import { formatAge, formatBytes, formatTable } from './format.js'

// The command `endless status`.

const generationTitles = ['GENERATION', 'PID', 'STATE', 'AGE', 'MEMORY', 'IN FLIGHT']
/** With several workers, the slot of each generation stands first, and what they are compared by last. */
const workerTitles = ['SLOT', ...generationTitles, 'CONNECTIONS', 'BUSY LOOP']
const listenerTitles = [
  'LISTENER',
  'GENERATION',
  'OPEN',
  'IDLE',
  'BUSY',
  'UPGRADED',
  'HTTP/2',
  'HANDSHAKING',
]

/** Status of a service: what to print, and whether any generation serves. */
export interface StatusText {
  text: string
  isServing: boolean
}

/** How a status is to be shown. */
export interface StatusForm {
  /** For programs. */
  json?: boolean | undefined
  /** Also options, and the servers that were left alone. */
  explain?: boolean | undefined
}

/** Returns the status of a service, as text for people or for programs. */
export async function status(client: Client, form: StatusForm): Promise<StatusText> {
  const told = await client.status()
  return {
    text: form.json ? printableJson(told, 2) : formatStatus(told, form.explain),
    isServing: isServing(told),
  }
}

/** Formats a status: the tables of generations and listeners, then the last restart and the last death. */
export function formatStatus(told: ServiceStatus, isExplained = false): string {
  const { supervisor, generations } = told
  const outage = describeOutage(told)
  const listeners = generations.flatMap(listenerRows)
  return [
    supervisor
      ? (supervisor.name === null ? '' : `${supervisor.name} in ${supervisor.directory}: `) +
        `supervisor pid ${String(supervisor.pid)}, up ${formatAge(supervisor.uptimeMs)}, ` +
        formatBytes(supervisor.memoryBytes)
      : `pid ${String(told.pid)}, without a supervisor`,
    ...workerLines(told),
    ...(outage === undefined ? [] : [outage]),
    ...(generations.length === 0 ? [] : ['', ...formatTable(...generationTable(told))]),
    ...(listeners.length === 0 ? [] : ['', ...formatTable(listenerTitles, listeners)]),
    '',
    `last restart: ${describeRestart(told)}`,
    ...deathLines(told),
    ...(isExplained ? ['', ...explain(told)] : []),
  ]
    .map((line) => oneLine(line))
    .join('\n')
}

/** Explains the generation that serves, or the newest. */
function explain({ generations }: ServiceStatus): string[] {
  const current =
    generations.find(({ state }) => state === 'running' || state === 'restarting') ??
    generations.at(-1)
  return current ? explainGeneration(current) : []
}

/** Formats `nothing serves: generation 1 exited with code 1 (Error: bad), 6 times; starting again in 3 s`. */
function describeOutage(told: ServiceStatus): string | undefined {
  const { generations, startingInMs, lastDeath } = told
  if (isServing(told)) return undefined
  const booting = generations.find(({ state }) => state === 'booting')
  if (!booting && startingInMs === null) return 'nothing serves: the remaining generations drain'
  if (!lastDeath) return 'nothing serves yet: the service is being started'
  const { number, inARow } = lastDeath
  const next =
    startingInMs === null
      ? `generation ${String(booting?.number)} is being started`
      : `starting again in ${String(Math.ceil(startingInMs / 1_000))} s`
  return (
    `nothing serves: generation ${String(number)} ${describeDeath(lastDeath, 'brackets')}` +
    `${inARow > 1 ? `, ${String(inARow)} times` : ''}; ${next}`
  )
}

/** Says what only several workers do: `4 workers; 12 connections have moved between them, to even them out`. */
function workerLines({ supervisor }: ServiceStatus): string[] {
  const { workers = 1, evenedOut = 0, roll } = supervisor ?? {}
  if (workers === 1) return []
  const moved = `${String(evenedOut)} ${evenedOut === 1 ? 'connection has' : 'connections have'} moved`
  return [
    `${String(workers)} workers; ${moved} between them, to even them out`,
    ...(roll ? [`restarting: ${describeRoll(roll)}`] : []),
  ]
}

/** Formats `slot 1 has the new version, 2 of 4`. */
export function describeRoll({ done, of }: RollProgress): string {
  const last = done.at(-1)
  return last === undefined
    ? `none of ${String(of)} has the new version yet`
    : `slot ${String(last)} has the new version, ${String(done.length)} of ${String(of)}`
}

function generationTable(told: ServiceStatus): [titles: string[], rows: string[][]] {
  const rows = generationRows(told)
  if ((told.supervisor?.workers ?? 1) === 1) return [generationTitles, rows]
  const workerRows = told.generations.map(({ slot, utilization, servers }, index) => [
    slot === undefined ? '-' : String(slot),
    ...(rows[index] ?? []),
    String(servers.reduce((sum, { connections }) => sum + connections.open, 0)),
    utilization === undefined ? '-' : `${String(Math.round(utilization * 100))} %`,
  ])
  return [workerTitles, workerRows]
}

function generationRows({ generations }: ServiceStatus): string[][] {
  return generations.map((each) => [
    String(each.number),
    String(each.pid),
    each.isOnProbation ? `${each.state}, on probation` : each.state,
    formatAge(each.uptimeMs),
    each.memoryBytes === null ? '-' : formatBytes(each.memoryBytes),
    String(each.servers.reduce((sum, { requests }) => sum + requests, 0)),
  ])
}

function listenerRows({ number, servers }: ListedGeneration): string[][] {
  return servers.map(({ address, connections }) => {
    const { open, idle, busy, upgraded, http2, handshaking } = connections
    const counts = [open, idle, busy, upgraded, http2, handshaking].map(String)
    return [address ?? '(closed)', String(number), ...counts]
  })
}

function describeRestart({ lastRestart }: ServiceStatus): string {
  if (!lastRestart) return 'none'
  const { outcome, number, durationMs, dropped, agoMs, error } = lastRestart
  const ago = `${formatAge(agoMs)} ago`
  if (error) return `failed ${ago}: ${error.code}: ${error.message}`
  const duration = durationMs === null ? '' : ` after ${String(durationMs)} ms`
  const end = outcome === 'failed' ? 'failed' : 'taken over'
  // A service of an earlier version does not tell.
  const given = (dropped as string[] | undefined) ?? []
  const loss = given.length === 0 ? '' : `, and does not listen on ${given.join(', ')}`
  return `generation ${String(number)} has ${end}${duration}, ${ago}${loss}`
}

function deathLines({ lastDeath }: ServiceStatus): string[] {
  if (!lastDeath) return []
  const { number, pid, agoMs, stderr } = lastDeath
  return [
    `last death: ${generationName({ number, pid })} ${describeDeath(lastDeath)}, ${formatAge(agoMs)} ago`,
    ...stderr.map((line) => `  | ${line}`),
  ]
}
