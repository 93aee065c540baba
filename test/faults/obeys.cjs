// The faults that a process does to itself, to its line or to its surroundings, by their names in
// packages/load/src/faults/faults.ts.
const childProcess = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const directory = process.env.FAULTS_DIRECTORY
/** Where pid file and control socket are. */
const place = directory && path.join(directory, 'run')
const clockFile = directory && path.join(directory, 'clock')

const hourMs = 3_600_000
/** The clock jumps back after this time, to an hour before the truth. */
const backMs = 1_000
const blockedMs = 5_000
const withoutDescriptorsMs = 2_000
/** What is taken for sure, and free once it is closed: raising the limit needs pipes to prlimit. */
const takenAtLeast = 16
const { spawnSync } = childProcess

exports.faults = {
  killed: () => process.kill(process.pid, 'SIGKILL'),
  stopped: () => process.kill(process.pid, 'SIGSTOP'),
  'exits 0': () => process.exit(0),
  blocks() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockedMs)
    tellThatItIsOver()
  },
  'no descriptors': exhaustDescriptors,
  'channel cut': cut,
  garbage: ({ fd }) => fs.writeSync(fd, 'garbage\n'),
  'half a message': ({ fd }) => fs.writeSync(fd, '{"cmd":"NODE_ENDLESS","type":"rea'),
  SIGHUP: () => signalService('SIGHUP'),
  SIGTERM: () => signalService('SIGTERM'),
  SIGUSR2: () => signalService('SIGUSR2'),
  'disk full': fillDisk,
  'read-only': () => spawnSync('mount', ['-o', 'remount,ro', place]),
  'clock jumps'() {
    setClock(hourMs)
    setTimeout(setClock, backMs, -hourMs).unref()
  },
}

function tellThatItIsOver() {
  fs.writeSync(1, `${JSON.stringify({ event: 'recovered', pid: process.pid })}\n`)
}

/** Ends the line as the end of its process would, for both ends. */
function cut(line) {
  const { ShutdownWrap } = process.binding('stream_wrap')
  const request = new ShutdownWrap()
  request.oncomplete = () => undefined
  line.shutdown(request)
}

/** Sends a signal to the process that the pid file names. */
function signalService(signal) {
  process.kill(Number(fs.readFileSync(path.join(place, 'app.pid'), 'utf8')), signal)
}

/** Leaves this process no descriptor, for a while. */
function exhaustDescriptors() {
  const taken = []
  const highest = Math.max(...fs.readdirSync('/proc/self/fd').map(Number))
  const before = /open files +(\d+)/.exec(fs.readFileSync('/proc/self/limits', 'utf8'))[1]
  limitDescriptors(highest + 1 + takenAtLeast)
  try {
    for (;;) taken.push(fs.openSync('/dev/null'))
  } catch {
    // EMFILE: as it should be.
  }
  const restore = () => {
    for (const fd of taken) fs.closeSync(fd)
    limitDescriptors(before)
    tellThatItIsOver()
  }
  setTimeout(restore, withoutDescriptorsMs).unref()
}

function limitDescriptors(soft) {
  const { error, status, stderr } = spawnSync('prlimit', [
    `--pid=${process.pid}`,
    `--nofile=${soft}:`,
  ])
  if (status !== 0) throw new Error(`prlimit failed: ${stderr}`, { cause: error })
}

function fillDisk() {
  const file = fs.openSync(path.join(place, 'filler'), 'w')
  for (const chunk of [Buffer.alloc(4_096), Buffer.alloc(1)]) {
    try {
      for (;;) fs.writeSync(file, chunk)
    } catch {
      // ENOSPC: nothing of this size fits any more.
    }
  }
  fs.closeSync(file)
}

const RealDate = Date
let jumpedMs = 0

class JumpedDate extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [JumpedDate.now()] : given))
  }

  static now() {
    return RealDate.now() + jumpedMs
  }
}

/** Lets the clock of this process jump, and those of all others at their next message. */
function setClock(byMs) {
  fs.writeFileSync(clockFile, String(byMs))
  followClock()
}

function followClock() {
  if (!fs.existsSync(clockFile)) return
  jumpedMs = Number(fs.readFileSync(clockFile, 'utf8'))
  globalThis.Date = JumpedDate
}
exports.followClock = followClock
