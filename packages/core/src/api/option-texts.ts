import { describeValue } from './option-checks.js'
import {
  defaultHammerTimeMs,
  defaultTicketRotationMs,
  type EndlessOptions,
  processDefaults,
} from './options.js'

// Options and their defaults as text, where people read which options are in effect.

/** How long a text may be: an option may be a list of any length. */
const longest = 1_000

/** Returns the value of an option as text; permissions in octal. */
export function optionText(name: string, value: unknown): string {
  const text =
    name === 'socketMode'
      ? `0${(value as number).toString(8).padStart(3, '0')}`
      : describeValue(value)
  return text.slice(0, longest)
}

/** What each option is when nobody gives it. */
export const defaultTexts: Readonly<Record<keyof EndlessOptions, string>> = {
  hammerTimeMs: String(defaultHammerTimeMs),
  idleGraceMs: 'keepAliveTimeout of the server',
  migrateConnections: 'true',
  readTimeoutMs: "Node's own",
  writeTimeoutMs: "Node's own",
  maxHeaderBytes: "Node's own",
  ticketRotationMs: String(defaultTicketRotationMs),
  socketMode: 'what the umask leaves',
  socketOwner: 'that of the process',
  hooks: 'none',
  beforeBegin: 'logs pid and address',
  readyProbe: 'none',
  warmUp: 'none',
  requireWarmUp: 'false',
  readyTimeoutMs: String(processDefaults.readyTimeoutMs),
  ready: `'${processDefaults.ready}'`,
  unclaimedGraceMs: String(processDefaults.unclaimedGraceMs),
  allowAddressChange: String(processDefaults.allowAddressChange),
  probationMs: String(processDefaults.probationMs),
  maxGenerations: String(processDefaults.maxGenerations),
  shutdownDelayMs: String(processDefaults.shutdownDelayMs),
  pidFile: 'none',
  control: 'none',
  signals: 'all six',
  otherSignalListeners: `'${processDefaults.otherSignalListeners}'`,
  successor: 'as this process',
  exit: String(processDefaults.exit),
  logger: 'standard error',
}
