import type { Passed } from './relay.js'

// What a generation may ask for that runs as another user than its supervisor.

/** What to do instead of asking a supervisor for what it refuses. */
export const betterWays =
  "run the supervisor as the service's user (a socket of systemd, or CAP_NET_BIND_SERVICE, " +
  'gives it a port below 1024)'

/** Whether a message names paths, so that it matters whose rights they are touched with. */
export function namesPaths({ type }: Passed): boolean {
  return type === 'welcome' || type === 'listener' || type === 'escrow' || type === 'ready'
}

/**
 * Returns what is left of a message of a generation that runs as another user. A successor starts with the
 * rights of the supervisor. It must not touch a path because its predecessor named it: not resolve paths
 * against another directory, and not remove a socket, or set its rights.
 * See docs/decisions.md, "A supervisor lends its rights to nobody"
 */
export function withoutRights(message: Passed): Passed {
  switch (message.type) {
    case 'welcome': {
      const { type, version, generation, ticketKeys } = message
      return { type, version, generation, ticketKeys, directory: '' }
    }
    case 'listener':
    case 'escrow': {
      const { bound } = message
      return 'path' in bound ? { ...message, bound: { ...bound, identity: '' } } : message
    }
    default:
      return message
  }
}
