import { EndlessError, messageOf } from '../api/endless-error.js'
import { takenAddressIn } from '../handoff/taken-address.js'
import type { Holder, TakenAddress } from '../node/holder-of.js'

// Names the process of this service that has the address which a successor found in use.

/** What {@link withHolder} needs from this process, the predecessor. */
export interface HolderSource {
  readonly pid: number
  /** Where this process listens by endless servers, and has bound UDP sockets that it passes on. */
  readonly addresses: readonly string[]
  holderOf(taken: TakenAddress): Promise<Holder | undefined>
}

/**
 * Adds to the error of a failed restart which process of this service has the address that the successor
 * needed, and what to do. Returns the error as it is if that is not why it failed, or if it is another program.
 *
 * See docs/decisions.md, "Ready means that the service is there"
 */
export async function withHolder(error: EndlessError, source: HolderSource): Promise<EndlessError> {
  const { code, pid, exitCode, signal, stderr, cause } = error
  // What a program throws may name another error behind its own.
  const texts = [messageOf(error), cause === undefined ? '' : messageOf(cause), ...(stderr ?? [])]
  const taken = texts.map(takenAddressIn).find((found) => found !== undefined)
  const holder = taken && (await source.holderOf(taken))
  if (!holder) return error
  return new EndlessError(code, `${error.message} ${holderNotice(taken, holder, source)}`, {
    cause,
    pid,
    ...(exitCode !== undefined && { exitCode }),
    ...(signal !== undefined && { signal }),
    ...(stderr !== undefined && { stderr }),
  })
}

/** Returns `Port 9464 is held by the service's own old process (pid 4711), which does not pass it on: make …`. */
export function holderNotice(
  taken: TakenAddress,
  { pid, kind }: Holder,
  { pid: ownPid, addresses }: Omit<HolderSource, 'holderOf'>,
): string {
  const name =
    'path' in taken ? taken.path : `${kind === 'udp' ? 'UDP port' : 'Port'} ${String(taken.port)}`
  const own = `the service's own old process (pid ${String(ownPid)})`
  if (pid !== ownPid) {
    return (
      `${name} is held by process ${String(pid)}, which ${own} has started, and which runs until that ends. ` +
      'Give each generation an address of its own for it, or start it outside of the service.'
    )
  }
  const isUdp = kind === 'udp'
  const passed = addresses.filter((each) =>
    'path' in taken
      ? each === `unix:${taken.path}`
      : each.startsWith('udp:') === isUdp && each.endsWith(`:${String(taken.port)}`),
  )
  if (passed.length === 0) {
    const held = `${name} is held by ${own}, which does not pass it on`
    if (!isUdp) return `${held}: make that server endless too.`
    return (
      `${held}. Start the program by 'endless run' or with '--import @endless/core/register', ` +
      'or create the socket with { reuseAddr: true } in both versions.'
    )
  }
  const how = isUdp ? 'bind it' : 'let an endless server listen there'
  return (
    `${name} is held by ${own}, which passes it on as ${passed.join(', ')}: in the new version, ${how}, ` +
    'on the same host, and do not look before whether the port is free.'
  )
}
