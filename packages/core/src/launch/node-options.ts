// The preload is named in the environment and not among the arguments: threads show the arguments of
// their process in `execArgv`, where nothing can hide one again.

/** What {@link withPreload} puts in front; preload.ts knows it by its own URL. */
const ours = /^--import data:text\/javascript,\S+#\d+( |$)/

/** Adds the preload to an environment, in front: what else is preloaded may be the application's. */
export function withPreload(environment: NodeJS.ProcessEnv, preload: string): NodeJS.ProcessEnv {
  const option = `--import ${preload}`
  const { NODE_OPTIONS: given } = environment
  return { ...environment, NODE_OPTIONS: given === undefined ? option : `${option} ${given}` }
}

/** Takes the preload out of the environment that a successor was started with; else does nothing. */
export function hidePreload(environment: NodeJS.ProcessEnv): void {
  const [option, separator] = ours.exec(environment['NODE_OPTIONS'] ?? '') ?? []
  if (option === undefined) return
  if (separator === '') delete environment['NODE_OPTIONS']
  else environment['NODE_OPTIONS'] = environment['NODE_OPTIONS']?.slice(option.length)
}
