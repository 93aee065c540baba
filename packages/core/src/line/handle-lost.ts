/** Reports that the peer had no descriptor left for a handle: the kernel dropped it, and Node the message. */
export class HandleLost extends Error {
  constructor() {
    super('the other process could not take the handle')
  }
}
