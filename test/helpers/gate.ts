import { once } from 'node:events'
import net from 'node:net'
import { withDeadline, type Program, type ProgramEvent } from '@endless/load'

// Gates: places where a program waits until the test lets it continue.

/** The event of a program that waits for the test; see `gate` in fixtures/support.mjs. */
export interface GateEvent extends ProgramEvent {
  name: string
  gate: number
  generation: number
}

/** Resolves when a generation waits at its gate. */
export function waitForGate(
  program: Program,
  generation: number,
  name?: string,
): Promise<GateEvent> {
  return program.waitForEvent<GateEvent>(
    (event) =>
      event.event === 'gate' &&
      event['generation'] === generation &&
      (name === undefined || event['name'] === name),
    { step: `generation ${generation} waits at its gate ${name ?? ''}`, deadlineMs: 10_000 },
  )
}

/** Lets the program continue. */
export async function openGate({ gate, name }: Pick<GateEvent, 'gate' | 'name'>): Promise<void> {
  const socket = net.connect(gate, '127.0.0.1')
  await withDeadline(once(socket, 'close'), { step: `the gate ${name} opens`, deadlineMs: 5_000 })
}
