import { type Command, InvalidArgumentError } from 'commander'
import { time } from './flags.js'

// The flags of `endless rehearse`.

/** What was said on the command line; times in ms. */
export interface RehearseLine {
  url?: string
  restarts?: number
  restartCommand?: string
  service?: string
  pidFile?: string
  control?: string
  path?: { path: string; weight: number }[]
  fromLog?: string
  echo?: string
  http2?: boolean
  ws?: string
  kept?: number
  rate?: number
  fresh?: number
  idle?: number
  wsConnections?: number
  pidHeader?: string
  calm?: number
  settle?: number
  timeout?: number
  startTimeout?: number
  restartTimeout?: number
  maxDuration?: number
  maxFailed?: number
  maxP99Ratio?: number
  json?: boolean | string
  html?: string
  yesThisIsMine?: string
}

/** Adds the flags to the command. */
export function addRehearseFlags(command: Command): Command {
  return command
    .optionsGroup('Server and restarts:')
    .option('--url <url>', 'where the server is, if it runs already or its port is not PORT')
    .option('--restarts <number>', 'how often it is restarted (default: 3)', whole)
    .option('--restart-command <command>', "restarts it: 'pm2 reload app' (default: SIGHUP)")
    .option('--service <name>', 'restart it as endless restart --now <name> does')
    .option('--pid-file <path>', 'restart it as endless restart --now --pid-file <path> does')
    .option('--control <path>', 'restart it as endless restart --now --control <path> does')
    .option('--pid-header <name>', 'header that holds the pid (default: x-pid, if it is there)')
    .option('--yes-this-is-mine <host>', 'allow load on a host that is not this machine')
    .optionsGroup('Requests:')
    .option(
      '--path <path>',
      'path for GET, several times if need be; 3:/search is chosen three times as often as /cart (default: /)',
      weighted,
    )
    .option('--from-log <file>', 'take the paths of GET requests from an access log')
    .option(
      '--echo <path>',
      'path that responds to POST with the body; every other request is one',
      aPath,
    )
    .option('--ws <path>', 'path of a WebSocket that echoes its messages', aPath)
    .option('--http2', 'speak HTTP/2; without TLS by prior knowledge')
    .optionsGroup('Load:')
    .option('--kept <number>', 'kept connections (default: 50)', whole)
    .option('--rate <number>', 'requests a second on them; 0: no pause (default: 500)', whole)
    .option('--fresh <number>', 'new connections a second (default: 50)', whole)
    .option('--idle <number>', 'idle connections (default: 20)', whole)
    .option('--ws-connections <number>', 'WebSockets, with --ws (default: 10)', whole)
    .option('--timeout <time>', 'how long a request may take (default: 10s)', time)
    .optionsGroup('Times:')
    .option('--calm <time>', 'before, between and after restarts (default: 3s)', time)
    .option('--settle <time>', "how long a restart's window stays open (default: 2s)", time)
    .option('--start-timeout <time>', 'how long the server may take to listen (default: 30s)', time)
    .option('--restart-timeout <time>', 'until a new process answers (default: 60s)', time)
    .option('--max-duration <time>', 'how long all may take (default: 10min)', time)
    .optionsGroup('Result:')
    .option('--max-failed <number>', 'how many requests may be lost (default: 0)', whole)
    .option('--max-p99-ratio <number>', 'how much p99 may rise in restarts: 2', positive)
    .option('--json [file]', 'write the report as JSON, to standard output or to a file')
    .option('--html <file>', 'write the report as a page, with charts')
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Give a whole number.')
  return Number(text)
}

function positive(text: string): number {
  const number = Number(text)
  if (!(number > 0) || !Number.isFinite(number)) {
    throw new InvalidArgumentError('Give a number greater than 0.')
  }
  return number
}

function aPath(text: string): string {
  if (!/^\/[!-~]*$/.test(text)) throw new InvalidArgumentError('A path begins with a slash: /echo.')
  return text
}

function weighted(
  text: string,
  before: { path: string; weight: number }[] = [],
): { path: string; weight: number }[] {
  const [, weight = '1', path] = /^(?:(\d{1,6}):)?(\/[!-~]*)$/.exec(text) ?? []
  if (path === undefined || Number(weight) === 0) {
    throw new InvalidArgumentError('A path begins with a slash: /search, or 3:/search.')
  }
  return [...before, { path, weight: Number(weight) }]
}
