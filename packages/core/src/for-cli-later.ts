// Exports for `@endless/cli` alone, which it loads while the first generation starts, so that they do not
// delay the start; for-cli.ts has those that it needs earlier.
export { ControlSocket } from './control/control-socket.js'
export { serviceMetrics } from './control/service-metrics.js'
export { PidFile } from './control/pid-file.js'
export { pathProblem } from './listeners/unix-path.js'
export { openPassedSockets } from './service-manager/activation.js'
export { ServiceManager } from './service-manager/service-manager.js'
