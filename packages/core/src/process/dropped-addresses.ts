import { EndlessError } from '../api/endless-error.js'
import { atStart, generationName, type NamedGeneration } from '../api/generation-name.js'
import type { Successor } from '../handoff/successor.js'

// The addresses of this process on which its successor does not listen.

/**
 * Returns the addresses that are dropped if the successor takes over.
 * See docs/decisions.md, "Ready means that the service is there"
 *
 * @param predecessor this process, and where it listens
 * @param isAllowed whether the successor may drop all of them
 * @throws `ERR_ENDLESS_ADDRESSES_CHANGED` if it drops all, and may not
 */
export function droppedAddresses(
  predecessor: NamedGeneration & { addresses: readonly string[] },
  successor: NamedGeneration & Pick<Successor, 'serves' | 'allowsAddressChange'>,
  isAllowed: boolean,
): string[] {
  const { serves, allowsAddressChange, pid } = successor
  const { addresses: served } = predecessor
  // Another version may not say where it listens.
  if (!serves) return []
  const dropped = served.filter((address) => !serves.includes(address))
  const isAll = dropped.length === served.length && dropped.length > 0
  if (!isAll || isAllowed || allowsAddressChange) return dropped
  throw new EndlessError(
    'ERR_ENDLESS_ADDRESSES_CHANGED',
    `${atStart(generationName(successor))} listens on ${serves.join(', ') || 'no port'}, and on none of the ` +
      `addresses of ${generationName(predecessor)}: ${dropped.join(', ')} would refuse. ` +
      `${atStart(generationName(predecessor))} still serves. ` +
      'While a new version boots, the ports of the service are taken: it must ask for the same ports, not ' +
      'look for free ones. If all addresses are meant to change, set the option allowAddressChange, or use ' +
      "'endless restart --allow-address-change'.",
    { pid },
  )
}
