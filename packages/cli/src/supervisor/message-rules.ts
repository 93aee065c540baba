import { constants } from 'node:os'
import { longestReport, successorSignals, type ToSupervisor } from '@endless/core/for-cli'

// What a message of a generation may hold. The supervisor may have rights that its generations have not, and
// outlives them all: none may end it, fill its memory, or make it do what endless never asks for.

/** Whether a value may stand there. */
type Rule = (value: unknown) => boolean

/** A rule for each field of a message; further fields are those of another version, and not read. */
type Fields<T> = { readonly [field in keyof Omit<T, 'type'>]-?: Rule }

type MessageRules = {
  readonly [type in ToSupervisor['type']]: Fields<ToSupervisor & { type: type }>
}

/** The longest path (Linux, PATH_MAX), and what stands around it in an address. */
const longestPath = 4_096 + 64
/** Longest argument and variable (Linux, MAX_ARG_STRLEN). */
const longestArgument = 131_072
/** The sender cuts each part of an error to `longestReport`; one error may quote some of them. */
const longestReason = 4 * longestReport
/** Largest JSON of `generation.migrate`, and bytes in base64 that were read ahead. */
const longestState = 1_048_576
const longestHead = 32 * 1_048_576
/** Sockets, generations, arguments: more than any service has. */
const most = 10_000
/** Largest delay of a timer, to which the options are limited, too. */
const longestDelayMs = 2_147_483_647

const flag: Rule = (value) => typeof value === 'boolean'
const integer: Rule = (value) => Number.isSafeInteger(value)
const whole: Rule = (value) => integer(value) && (value as number) >= 0
const finite: Rule = (value) => Number.isFinite(value)
const duration: Rule = (value) => finite(value) && (value as number) >= 0
const share: Rule = (value) => duration(value) && (value as number) <= 1
const pid: Rule = (value) => whole(value) && (value as number) <= 2 ** 31 - 1
const text =
  (longest: number): Rule =>
  (value) =>
    typeof value === 'string' && value.length <= longest
const oneOf =
  (values: readonly unknown[]): Rule =>
  (value) =>
    values.includes(value)
const optional =
  (rule: Rule): Rule =>
  (value) =>
    value === undefined || rule(value)
const orNull =
  (rule: Rule): Rule =>
  (value) =>
    value === null || rule(value)
const either =
  (...rules: Rule[]): Rule =>
  (value) =>
    rules.some((rule) => rule(value))
const list =
  (rule: Rule, longest = most): Rule =>
  (value) =>
    Array.isArray(value) && value.length <= longest && value.every(rule)
const record =
  (rule: Rule): Rule =>
  (value) => {
    if (!isObject(value)) return false
    const entries = Object.entries(value)
    return (
      entries.length <= most &&
      entries.every(([key, each]) => key.length <= longestArgument && rule(each))
    )
  }
const shape =
  (fields: Record<string, Rule>): Rule =>
  (value) =>
    isObject(value) && wrongField(fields, value) === undefined

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrongField(
  fields: Record<string, Rule>,
  value: Record<string, unknown>,
): string | undefined {
  return Object.entries(fields).find(
    ([name, rule]) => !rule(Object.hasOwn(value, name) ? value[name] : undefined),
  )?.[0]
}

const path = text(longestPath)
const signal = oneOf(Object.keys(constants.signals))
const state = text(32)
const stderr = list(text(longestReport), 100)
const unixAddress = shape({ path, identity: text(128) })
const port: Rule = (value) => whole(value) && (value as number) <= 65_535
const bound = either(unixAddress, shape({ address: text(128), family: text(16), port }))
const ticketKeys = shape({
  // What has another length cannot be set.
  keys: (value) => typeof value === 'string' && /^[\w+/]{64}$/.test(value),
  sinceMs: finite,
  sessionIdContext: optional(text(64)),
})
const addresses = list(path)
const listenerName = { name: optional(text(1_024)), asked: path, bound }
const report = { name: text(longestReport), message: text(longestReason) }
const errorReport = shape({
  ...report,
  stack: optional(text(longestReason)),
  code: optional(text(256)),
  isHandled: optional(flag),
})
const refusal = shape({
  ...report,
  stack: optional(text(longestReason)),
  code: optional(text(256)),
  pid: optional(pid),
  exitCode: optional(orNull(integer)),
  signal: optional(orNull(signal)),
  stderr: optional(stderr),
})
const count = whole
const server = shape({
  address: orNull(path),
  state,
  madeBy: optional(oneOf(['code', 'register'])),
  connections: shape({
    open: count,
    idle: count,
    busy: count,
    upgraded: count,
    http2: count,
    handshaking: count,
  }),
  requests: count,
})
const lastRestart = shape({
  outcome: oneOf(['taken-over', 'failed']),
  number: whole,
  pid: orNull(pid),
  durationMs: orNull(duration),
  dropped: optional(addresses),
  agoMs: duration,
  error: orNull(
    shape({
      code: text(256),
      message: text(longestReason),
      exitCode: orNull(integer),
      signal: orNull(signal),
      stderr,
    }),
  ),
})
const status = shape({
  number: whole,
  pid,
  state,
  isOnProbation: optional(flag),
  uptimeMs: duration,
  memoryBytes: whole,
  utilization: optional(duration),
  servers: list(server),
  options: optional(list(shape({ name: text(256), value: text(longestReport), from: path }))),
  left: optional(list(shape({ address: path, why: text(longestReport) }))),
  lastRestart: orNull(lastRestart),
})
const restartReport = shape({
  number: whole,
  pid,
  durationMs: duration,
  dropped: optional(addresses),
  probationMs: optional(finite),
})
const counts = shape({
  restarts: record(whole),
  moved: record(whole),
  durations: list(whole),
  durationMs: duration,
})
const answerToMove = { id: whole }
// JSON has no Infinity, which an application may have set: it is null.
const connection = {
  id: whole,
  bound: path,
  isFresh: flag,
  keepAliveTimeoutMs: orNull(finite),
  requests: optional(whole),
}
const upgrade = { id: whole, bound: path, state: text(longestState), head: text(longestHead) }

const rules: MessageRules = {
  hello: { version: whole, takesUdp: optional(flag) },
  error: { error: errorReport },
  stderr: { text: text(longestReport) },
  escrow: { ...listenerName, ticketKeys: optional(ticketKeys) },
  released: { bound: path },
  ready: {
    adopts: list(path),
    serves: optional(addresses),
    allowsAddressChange: optional(flag),
    pidFile: optional(path),
    control: optional(path),
    readyTimeoutMs: optional((value) => duration(value) && (value as number) <= longestDelayMs),
    probationMs: optional(finite),
    givesBack: optional(flag),
    countsAnswers: optional(flag),
  },
  serving: { control: optional(unixAddress) },
  adopted: answerToMove,
  declined: answerToMove,
  'upgrade-adopted': answerToMove,
  'upgrade-declined': answerToMove,
  succeeded: {},
  'taken-back': {},
  heir: {},
  'ask-older': { id: whole, isHammered: flag },
  limit: { living: whole },
  leaving: { hasTakenOver: optional(flag) },
  'ask-alive': {},
  alive: {},
  'ask-answers': {},
  answers: { answers: whole, errors: whole },
  'ask-rollback': { reason: text(longestReport) },
  'ask-proven': {},
  'giving-back': {},
  'returned-connection': connection,
  'returned-upgrade': upgrade,
  listener: listenerName,
  welcome: {
    version: whole,
    generation: whole,
    directory: path,
    ticketKeys: record(ticketKeys),
    // The supervisor puts its own there.
    supervisor: () => true,
    serviceManager: optional(shape({ socket: path, watchdogMs: optional(duration) })),
    control: optional(unixAddress),
    fallback: optional(oneOf(['line', 'silent'])),
    counts: optional(counts),
    slot: optional(whole),
    workers: optional(whole),
  },
  'taken-over': {
    afterMs: optional(duration),
    dropped: optional(addresses),
    probationMs: optional(finite),
  },
  proven: {},
  rollback: { reason: text(longestReport), serves: addresses, adopts: addresses },
  'serves-again': { to: pid },
  'return-answer': { of: oneOf(['connection', 'upgrade']), id: whole, isAdopted: flag, to: pid },
  older: { id: whole, generations: list(status) },
  connection,
  given: connection,
  taken: { id: whole, isTaken: flag },
  upgrade,
  spawn: {
    launch: shape({
      command: path,
      args: list(text(longestArgument)),
      cwd: path,
      env: record(text(longestArgument)),
    }),
    overrides: list(text(256), 16),
  },
  kill: { signal: oneOf(successorSignals), pid: optional(pid) },
  'not-serving': {},
  answer: { id: whole, value: either(status, restartReport) },
  refusal: { id: whole, error: refusal },
  load: { open: whole, utilization: duration },
  // These two are for a predecessor that has no supervisor.
  metrics: { id: whole, text: text(longestState) },
  counted: { counts },
  'ask-metrics': { id: whole },
  restart: {
    id: whole,
    wait: optional(oneOf(['ready', 'proven'])),
    allowAddressChange: optional(flag),
    probationMs: optional(finite),
    maxBlockedMs: optional(finite),
    parallel: optional(whole),
    maxErrors: optional(share),
  },
  'renew-ticket-keys': { bound: path, ticketKeys, sinceMs: duration },
}

/** Messages that come with a handle; it may have been lost on the way. */
const withHandle: ReadonlySet<string> = new Set([
  'escrow',
  'listener',
  'connection',
  'upgrade',
  'given',
  'returned-connection',
  'returned-upgrade',
])

/**
 * Returns why a message is none that a supervisor takes, in one of a few sentences; `undefined` if it is one.
 * See docs/decisions.md, "A supervisor believes its generations nothing"
 */
export function refusalOf(message: { type?: unknown }, hasHandle: boolean): string | undefined {
  const { type } = message
  if (typeof type !== 'string' || !Object.hasOwn(rules, type)) return 'its type is unknown'
  if (hasHandle && !withHandle.has(type)) return `'${type}' comes without a handle`
  const field = wrongField(rules[type as ToSupervisor['type']], message)
  return field === undefined ? undefined : `'${field}' of '${type}' has a wrong value`
}
