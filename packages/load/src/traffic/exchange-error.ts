import type { FailureKind } from './failure.js'

/** Carries the kind of failure from the exchange to the recorder. */
export class ExchangeError extends Error {
  readonly kind: FailureKind
  readonly code: string | undefined
  readonly reusedSocket: boolean

  constructor(
    kind: FailureKind,
    message: string,
    details: { code?: string | undefined; reusedSocket: boolean; cause?: unknown },
  ) {
    super(message, { cause: details.cause })
    this.name = 'ExchangeError'
    this.kind = kind
    this.code = details.code
    this.reusedSocket = details.reusedSocket
  }
}
