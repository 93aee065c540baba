/** Reports that a line had ended before a handle was written: the peer certainly did not get it, dead or alive. */
export class NeverSent extends Error {
  constructor() {
    super('the line has ended before the handle was sent')
  }
}
