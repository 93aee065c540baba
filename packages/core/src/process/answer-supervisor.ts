import type { Question } from '../handoff/protocol.js'
import type { OwnServiceHost } from './own-service.js'

/** Returns the answer of this process to a question of its supervisor. */
export async function answerSupervisor(
  generation: OwnServiceHost,
  question: Question,
): Promise<unknown> {
  switch (question.what) {
    case 'restart':
      return generation.actions.restart(question)
    case 'prove':
      await generation.prove()
      break
    case 'rollback':
      await generation.rollback(question.reason)
      break
    case 'status':
      break
    default:
      question satisfies never
  }
  return generation.status()
}
