/**
 * The bytes of a WebSocket that `ws` has read and not yet made a message of: the next process has to
 * read them again. Follows the frames that a client sends (RFC 6455, section 5.2).
 */
export class Unfinished {
  #bytes = Buffer.alloc(0)

  push(chunk) {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    for (let end = endOfMessage(this.#bytes); end > 0; end = endOfMessage(this.#bytes)) {
      this.#bytes = this.#bytes.subarray(end)
    }
  }

  toString() {
    return this.#bytes.toString('base64')
  }
}

/** Where the first message ends; 0 if its end has not come. */
function endOfMessage(bytes) {
  let at = 0
  while (bytes.length >= at + 2) {
    const isFinal = (bytes[at] & 0x80) !== 0
    const isControl = (bytes[at] & 0x08) !== 0
    let length = bytes[at + 1] & 0x7f
    let headerLength = 2 + 4 // a client masks what it sends
    if (length === 126) {
      if (bytes.length < at + 4) return 0
      length = bytes.readUInt16BE(at + 2)
      headerLength += 2
    } else if (length === 127) {
      if (bytes.length < at + 10) return 0
      length = Number(bytes.readBigUInt64BE(at + 2))
      headerLength += 8
    }
    const end = at + headerLength + length
    if (bytes.length < end) return 0
    // A ping may come between two parts of a message, and ends nothing.
    if (isFinal && (!isControl || at === 0)) return end
    at = end
  }
  return 0
}
