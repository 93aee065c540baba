// What `@endless/cli` needs of this package while the first generation starts, so that loading it
// does not slow the start; for-cli.ts has what comes before. Nobody else imports it.
export { ControlSocket } from './control/control-socket.js'
export { PidFile } from './control/pid-file.js'
export { openPassedSockets } from './service-manager/activation.js'
export { ServiceManager } from './service-manager/service-manager.js'
