import type { RawHandle } from '../node/internals/raw-handle.js'

/**
 * Adopts a connection that another generation has sent, and answers whether it is here now.
 *
 * @param handle `undefined` if the connection was closed on the way: the sender only waits for the answer
 */
export function adoptMoved(
  handle: RawHandle | undefined,
  adopt: (handle: RawHandle) => boolean,
  answer: (isAdopted: boolean) => void,
): void {
  let isAdopted = handle !== undefined
  try {
    if (handle) isAdopted = adopt(handle)
  } finally {
    // Answer even if a 'connection' listener of the application threw: the connection is ours.
    if (handle && !isAdopted) handle.close()
    answer(isAdopted)
  }
}
