import { EndlessError } from '../api/endless-error.js'
import type { Successor } from '../handoff/successor.js'

// The addresses of this process on which its successor does not listen.

/**
 * Returns the addresses that are dropped if the successor takes over.
 * See docs/decisions.md, "Ready means that the service is there"
 *
 * @param served where this process listens
 * @param isAllowed whether the successor may drop all of them
 * @throws `ERR_ENDLESS_ADDRESSES_CHANGED` if it drops all, and may not
 */
export function droppedAddresses(
  served: readonly string[],
  { pid, serves, allowsAddressChange }: Pick<Successor, 'pid' | 'serves' | 'allowsAddressChange'>,
  isAllowed: boolean,
): string[] {
  // Another version may not say where it listens.
  if (!serves) return []
  const dropped = served.filter((address) => !serves.includes(address))
  const isAll = dropped.length === served.length && dropped.length > 0
  if (!isAll || isAllowed || allowsAddressChange) return dropped
  throw new EndlessError(
    'ERR_ENDLESS_ADDRESSES_CHANGED',
    `The successor (pid ${String(pid)}) listens on ${serves.join(', ') || 'no port'}, and on none of the ` +
      `addresses of this generation: ${dropped.join(', ')} would refuse. This generation keeps serving. ` +
      'While a successor boots, the ports of the service are taken: it must ask for the same ports, not ' +
      'look for free ones. If all addresses are meant to change, set the option allowAddressChange, or use ' +
      "'endless restart --allow-address-change'.",
    { pid },
  )
}
