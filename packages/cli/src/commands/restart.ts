import {
  generationName,
  type ListedGeneration,
  type RestartReport,
  type RollProgress,
  type ServiceStatus,
} from '@endless/core/for-cli'
import type { Client } from '../control/client.js'
import { Failure } from '../control/failure.js'
import type { Progress } from '../control/progress.js'
import { Guard } from './guard.js'
import { describeRoll } from './status.js'

// The command `endless restart`.

/** What `endless restart` waits for: the new version serves, it is proven, the old one is gone, or nothing. */
export type RestartWait = 'ready' | 'proven' | 'drained' | 'none'

/** What is waited for when the new version serves. */
const lastSteps: Partial<Record<RestartWait, string>> = {
  proven: 'the new generation serves; waiting until it is proven …',
  drained: 'the new generation serves; waiting for the old one to end …',
}

export interface RestartRequest {
  wait: RestartWait
  /** Whether the new version may listen on none of the addresses of the old one. */
  allowAddressChange: boolean
  /** How long the old version stays behind, in ms; `undefined`: as the program says. */
  probationMs?: number | undefined
  /** How long the event loop of the new version may be blocked on probation, in ms. */
  maxBlockedMs?: number | undefined
  /** How many workers restart at a time, after the first. */
  parallel?: number | undefined
  /** Which share of its answers may be errors on probation, 0 to 1. */
  maxErrors?: number | undefined
  /** The command that checks the new version on probation. */
  check?: string | undefined
  /** Whether the restart ends a probation, as proven, in place of waiting for its end. */
  isNow: boolean
}

/**
 * Restarts a service. Returns what to print.
 *
 * @throws (rejects) {Failure} with the reason if the restart failed
 */
export async function restart(
  client: Client,
  request: RestartRequest,
  progress: Progress,
): Promise<string> {
  const { wait, probationMs, check } = request
  if (check?.trim() === '') throw new Failure('misused', '--check needs a command')
  // Asked first: a service that speaks another version must not be told to do anything.
  const told = await client.status()
  const old = serving(told)
  // One that knows no probation would restart without.
  if (probationMs !== undefined && old && old.isOnProbation === undefined) {
    throw new Failure('failed', `${generationName(old)} has a version of endless without probation`)
  }
  mustHaveProbation(request, old)
  const guard = check === undefined ? undefined : new Guard(client, check)
  await guard?.tryOut()
  const { workers = 1 } = told.supervisor ?? {}
  const name =
    workers > 1 ? `${String(workers)} workers` : old ? generationName(old) : 'the service'
  const steps = [`restarting ${name} …`, lastSteps[wait]]
  if (old?.isOnProbation && !request.isNow) {
    progress.step(`${name} is on probation; waiting until it is proven …`)
    steps[0] = undefined
  }
  let isOver = false
  const show = async (at: number): Promise<void> => {
    if (at > 0) guard?.begin()
    const roll = at > 0 && workers > 1 ? await rollOf(client) : undefined
    const step = roll ? `restarting: ${describeRoll(roll)} …` : steps[Math.min(at, 1)]
    // The result may have overtaken the status.
    if (step !== undefined && !isOver) progress.step(step)
  }
  const restarting = client
    .order<RestartReport>(targetOf(request), (at) => void show(at))
    .finally(() => (isOver = true))
  const report = await (guard ? guard.over(restarting) : restarting)
  if (wait === 'none') return `${name} ${workers > 1 ? 'have' : 'has'} been told to restart`
  return resultText(wait, report, workers) + droppedText(report)
}

/** @throws {Failure} if what is asked for only happens on probation, and there is none */
function mustHaveProbation(
  { check, maxErrors, maxBlockedMs, probationMs }: RestartRequest,
  old: ListedGeneration | undefined,
): void {
  const needs = { '--check': check, '--max-errors': maxErrors, '--max-blocked': maxBlockedMs }
  const [given] = Object.entries(needs).find(([, value]) => value !== undefined) ?? []
  if (given === undefined) return
  const option = old?.options?.find(({ name }) => name === 'probationMs')
  if (probationMs === 0 || (probationMs === undefined && (option?.value ?? '0') === '0')) {
    throw new Failure('misused', `${given} needs a probation: add --probation 60s`)
  }
}

/** Returns how far a restart of several workers has come; `undefined` if none is under way any more. */
async function rollOf(client: Client): Promise<RollProgress | undefined> {
  const told = await client.status().catch(() => undefined)
  return told?.supervisor?.roll ?? undefined
}

function targetOf(request: RestartRequest): string {
  const { wait, allowAddressChange, probationMs, maxBlockedMs, parallel, maxErrors, isNow } =
    request
  const query = [
    `wait=${wait}`,
    ...(allowAddressChange ? ['allowAddressChange'] : []),
    ...(probationMs === undefined ? [] : [`probationMs=${String(probationMs)}`]),
    ...(maxBlockedMs === undefined ? [] : [`maxBlockedMs=${String(maxBlockedMs)}`]),
    ...(parallel === undefined ? [] : [`parallel=${String(parallel)}`]),
    ...(maxErrors === undefined ? [] : [`maxErrors=${String(maxErrors)}`]),
    ...(isNow ? ['now'] : []),
  ]
  return `/restart?${query.join('&')}`
}

function resultText(wait: RestartWait, report: RestartReport, workers: number): string {
  const { durationMs, probationMs } = report
  const all = `${String(workers)} workers have restarted`
  // On probation, the report is that of the first worker.
  if (workers > 1 && probationMs !== undefined && wait === 'proven') return `${all}, and are proven`
  const isAll = workers > 1 && probationMs === undefined
  const who = isAll ? all : `${generationName(report)} has taken over`
  const end = `${who} after ${String(durationMs)} ms${endText(wait, report)}`
  return workers > 1 && !isAll && wait === 'ready' ? `${end}; the other workers follow` : end
}

const unguarded = ', without a probation: none was asked for, or the old version was gone'

function endText(wait: RestartWait, { probationMs }: RestartReport): string {
  if (wait === 'drained') return ', and the old one is gone'
  if (probationMs === undefined) return wait === 'proven' ? unguarded : ''
  if (wait === 'proven') return ', and is proven'
  return probationMs < 0
    ? ', and is on probation'
    : `, and is on probation for ${String(probationMs / 1_000)} s`
}

/** Says which addresses are gone. A service of an earlier version does not tell. */
function droppedText({ dropped = [] }: Partial<RestartReport>): string {
  return dropped.length === 0 ? '' : `; nothing listens on ${dropped.join(', ')} any more`
}

/** Returns the generation that serves: the oldest that is not shutting down. */
function serving({ generations }: ServiceStatus): ListedGeneration | undefined {
  return generations.find(({ state }) => state === 'running' || state === 'restarting')
}
