// Lets a fault happen in the moment in which a message passes.
// The directory that FAULTS_DIRECTORY names has the order, as a file: { type, does, by, fault, after }. The first process
// that sends or receives such a message takes the order, and obeys it before the message goes its way. With `after`, it
// counts only when the supervisor has received a message of that type.
const childProcess = require('node:child_process')
const fs = require('node:fs')
const { syncBuiltinESMExports } = require('node:module')
const path = require('node:path')
const { faults, followClock } = require('./obeys.cjs')

const directory = process.env.FAULTS_DIRECTORY
const orderFile = path.join(directory, 'order.json')
const early = path.join(__dirname, 'watches-early.cjs')
/** The line to the parent. */
let ownLine
const role = path.basename(process.argv[1] ?? '') === 'endless.js' ? 'supervisor' : 'generation'
const handleKey = (end) =>
  Object.getOwnPropertySymbols(end).find(({ description }) => description === 'kChannelHandle')

/** Removes an option of Node that loaded a file here: it must not be passed on. */
exports.hideOption = (file) => {
  process.env.NODE_OPTIONS = (process.env.NODE_OPTIONS ?? '').replace(`--require ${file} `, '')
}

/** Watches what this process sends to its parent. */
exports.watchSends = () => {
  if (process.channel === undefined) return
  const { _send } = process
  ownLine = process[handleKey(process)]
  process._send = function (message, ...rest) {
    happens('send', message, ownLine)
    return _send.call(this, message, ...rest)
  }
}

/** Watches what this process receives from its parent. */
exports.watchReceipts = () => {
  const emit = process.emit
  const watched = function (...args) {
    receives(args, ownLine)
    return emit.apply(this, args)
  }
  Object.defineProperty(process, 'emit', { configurable: true, writable: true, value: watched })
}

/** Watches the line to each child, and sees to it that the child watches its own end. */
exports.watchChildren = (preload) => {
  const { spawn } = childProcess
  childProcess.spawn = (command, args, options) => {
    const child = spawn(command, args, { ...options, env: withEarly(options?.env, preload) })
    if (child.channel === undefined || child.channel === null) return child
    const line = child[handleKey(child)]
    const { send, emit } = child
    child.send = function (message, ...rest) {
      happens('send', message, line)
      return send.call(this, message, ...rest)
    }
    // The library puts a function of its own there, which calls the one that it found.
    let own
    Object.defineProperty(child, 'emit', {
      configurable: true,
      get: () =>
        own
          ? (...received) => {
              receives(received, line)
              return own(...received)
            }
          : emit,
      set(given) {
        own = given
      },
    })
    return child
  }
  syncBuiltinESMExports()
}

/** Puts the early watch in front of all other preloads of a child, if it is a generation. */
function withEarly(env, preload) {
  if (env?.NODE_ENDLESS === undefined) return env
  const { nodeOptions = '' } = JSON.parse(env.NODE_ENDLESS)
  return { ...env, NODE_OPTIONS: `--require ${early} ${nodeOptions} --require ${preload}` }
}

function receives([event, message], line) {
  if (event === 'internalMessage') happens('receive', message, line)
}

function happens(does, message, line) {
  if (message?.cmd !== 'NODE_ENDLESS') return
  followClock()
  const order = readOrder()
  if (order?.traces) tell('message', { does, by: role, type: message.type })
  if (order === undefined) return
  const { type, fault, after } = order
  if (after !== undefined) {
    if (after === message.type && role === 'supervisor' && does === 'receive') begin(order)
    return
  }
  const isIt = type === message.type && order.does === does && order.by === role
  if (!isIt || !take()) return
  // Told before: some faults leave no time afterwards.
  tell('fault', { fault, type })
  faults[fault](line)
}

function readOrder() {
  try {
    return JSON.parse(fs.readFileSync(orderFile, 'utf8'))
  } catch {
    return undefined // there is none
  }
}

/** Lets an order count from now on that had to wait for another message. */
function begin(order) {
  const next = `${orderFile}.next`
  fs.writeFileSync(next, JSON.stringify({ ...order, after: undefined }))
  fs.renameSync(next, orderFile)
}

/** Returns whether this process is the one to obey. */
function take() {
  try {
    fs.renameSync(orderFile, path.join(directory, 'taken.json'))
    return true
  } catch {
    return false // another process was faster
  }
}

function tell(event, details) {
  const line = `${JSON.stringify({ event, pid: process.pid, ...details })}\n`
  fs.writeSync(1, line)
}
