import type http from 'node:http'
import { shadow } from '../shadow.js'

// How Node writes the header of a response.

/** The headers of a response in the form in which Node passes them to `_storeHeader`. */
export type GivenHeaders = object | unknown[] | null | undefined

interface HeaderMaker {
  _storeHeader(firstLine: string, headers: GivenHeaders): void
}

/**
 * Makes `decide` choose the headers of a response at the last moment, or of every response if `target` is the
 * prototype; `onStored` is called when they are written. Returns an undo function. Every `writeHead` ends in `_storeHeader`, even one that the application has wrapped or kept from before
 * (lib/_http_server.js, writeHead).
 *
 * See docs/decisions.md, "`Connection: close` is decided when the header is written"
 */
export function shadowStoreHeader(
  target: http.ServerResponse,
  decide: (response: http.ServerResponse, headers: GivenHeaders) => GivenHeaders,
  onStored: (response: http.ServerResponse) => void = () => undefined,
): () => void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to the response below
  const storeHeader = (target as http.ServerResponse & HeaderMaker)._storeHeader
  function store(this: http.ServerResponse, firstLine: string, headers: GivenHeaders): void {
    storeHeader.call(this as typeof target & HeaderMaker, firstLine, decide(this, headers))
    onStored(this)
  }
  return shadow(target, '_storeHeader', store)
}

/** Whether a response has told its client that it is the last of its connection (lib/_http_outgoing.js, _storeHeader). */
export function isLastResponse(response: http.ServerResponse): boolean {
  return (response as unknown as { _last: boolean })._last
}

/** Undoes `removeHeader('connection')`, so that Node writes the header again (lib/_http_outgoing.js). */
export function keepConnectionHeader(response: http.ServerResponse): void {
  ;(response as unknown as { _removedConnection: boolean })._removedConnection = false
}
