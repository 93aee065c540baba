// What `@endless/cli` needs of this package once the first generation is being started, so that loading
// it holds no start up; supervision.ts has what comes before. Internal: nobody else imports it.
export { ControlSocket } from './control/control-socket.js'
export { PidFile } from './control/pid-file.js'
export { openPassedSockets } from './service-manager/activation.js'
export { ServiceManager } from './service-manager/service-manager.js'
