import { type Fault, faultName, faultsAmong, type Role } from './faults.js'
import { type Scenario, type ScenarioName, scenarios } from './scenarios.js'
import { type Moment, steps } from './steps.js'

/** One fault in one moment. */
export interface Cell {
  /** `restart × taken-over × successor killed` */
  id: string
  type: string
  moment: Moment
  fault: Fault
}

export function scenarioOf({ moment }: Cell): Scenario {
  return scenarios[moment.scenario]
}

/** Returns all cells, by scenarios in their order. */
export function allCells(): Cell[] {
  const names = Object.keys(scenarios) as ScenarioName[]
  return names.flatMap((name) =>
    Object.entries(steps).flatMap(([type, row]) =>
      'because' in row
        ? []
        : row
            .filter(({ scenario }) => scenario === name)
            .flatMap((moment) => cellsAt(type, moment)),
    ),
  )
}

function cellsAt(type: string, moment: Moment): Cell[] {
  const { isBeside = false }: Scenario = scenarios[moment.scenario]
  return faultsAmong(participantsOf(moment), moment.isBeside ?? isBeside).map((fault) => ({
    id: `${moment.scenario} × ${type} × ${faultName(fault)}`,
    type,
    moment,
    fault,
  }))
}

/** Whether a supervisor passes the message on. */
export function isRelayed({ scenario, from, to }: Moment): boolean {
  return scenarios[scenario].workers > 0 && from !== 'supervisor' && to !== 'supervisor'
}

function participantsOf(moment: Moment): Role[] {
  const { from, to } = moment
  return [from, to, ...(isRelayed(moment) ? (['supervisor'] as const) : [])]
}

/** Returns the cells of which each part of a text is in the name: `taken-over × successor killed`. */
export function cellsLike(cells: readonly Cell[], text: string): Cell[] {
  const parts = text.split('×').map((part) => part.trim())
  // A whole part of the name first: `ready` should not find `already`.
  const fits = ({ id }: Cell) => {
    const names = id.split(' × ')
    return parts.every((part) => names.includes(part))
  }
  const found = cells.filter(fits)
  return found.length > 0
    ? found
    : cells.filter(({ id }) => parts.every((part) => id.includes(part)))
}

/** Returns a tenth of the cells: each is in one of ten, and each tenth has some of all scenarios. */
export function tenthOf(cells: readonly Cell[], number: number): Cell[] {
  return cells.filter((_, index) => index % 10 === number % 10)
}
