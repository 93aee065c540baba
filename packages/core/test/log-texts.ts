// Reads from the source what the packages log.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

/** Stands in a text for what is only known when it is logged. */
export const hole = '…'

/** Calls that are not looked into: what they return is one word of a text, or somebody else's. */
const opaque = new Map([
  ['generationName', `generation ${hole} (pid ${hole})`],
  ['connectionsOf', `${hole} connection${hole}`],
  ['formatAddress', hole],
  ['describeDeath', `exited with code ${hole}`],
  ['durationOf', hole],
  ['textOf', hole],
  ['messageOf', hole],
  // `textsOf` has what is waited for.
  ['waitNotice', hole],
])

/** Returns every text that the source in these folders logs: `generation … (pid …) serves …`. */
export function logTexts(folders: readonly string[]): string[] {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.c?ts$/.test(file))
      .map((file) => path.join(folder, file))
      .map((file) =>
        ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true),
      ),
  )
  const reader = new Reader(files)
  const texts = files.flatMap((file) => reader.textsOf(file))
  return [...new Set(texts)].filter((text) => /[a-z]{3}/i.test(text))
}

class Reader {
  /** What the functions of all files return. */
  readonly #returned = new Map<string, ts.Expression[]>()
  /** Functions that are being looked into: one that calls itself ends there. */
  readonly #reading = new Set<string>()

  constructor(files: readonly ts.SourceFile[]) {
    for (const file of files) {
      for (const statement of file.statements) {
        if (!ts.isFunctionDeclaration(statement) || !statement.name || !statement.body) continue
        this.#returned.set(statement.name.text, returnsOf(statement.body))
      }
    }
  }

  textsOf(file: ts.SourceFile): string[] {
    const texts: string[] = []
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && isLog(node.expression)) {
        texts.push(...this.#read(node.arguments[0]))
      }
      const wait = waitIn(node)
      if (wait)
        texts.push(
          ...this.#read(wait).flatMap((what) => (what === hole ? [] : `waiting for ${what}`)),
        )
      ts.forEachChild(node, visit)
    }
    visit(file)
    return texts
  }

  /** Returns each text that an expression may come to. */
  #read(node: ts.Expression | undefined): string[] {
    if (!node) return [hole]
    if (ts.isStringLiteralLike(node)) return [node.text]
    if (ts.isParenthesizedExpression(node)) return this.#read(node.expression)
    if (ts.isConditionalExpression(node)) {
      return [...this.#read(node.whenTrue), ...this.#read(node.whenFalse)]
    }
    if (ts.isTemplateExpression(node)) {
      return node.templateSpans.reduce(
        (texts, { expression, literal }) =>
          joined(texts, joined(this.#read(expression), [literal.text])),
        [node.head.text],
      )
    }
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
      return joined(this.#read(node.left), this.#read(node.right))
    }
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      return this.#call(node.expression.text)
    }
    if (ts.isIdentifier(node)) {
      const value = valueOf(node)
      if (value) return this.#read(value)
    }
    return [hole]
  }

  #call(name: string): string[] {
    const known = opaque.get(name)
    const returned = this.#returned.get(name)
    if (known !== undefined || !returned || this.#reading.has(name)) return [known ?? hole]
    this.#reading.add(name)
    const texts = returned.flatMap((each) => this.#read(each))
    this.#reading.delete(name)
    return texts
  }
}

function isLog(callee: ts.Expression): boolean {
  return (
    ts.isPropertyAccessExpression(callee) &&
    /^(?:info|warn|error)$/.test(callee.name.text) &&
    /logger(?:\(\))?$/i.test(callee.expression.getText())
  )
}

/** Returns what is waited for, where it is said: `{ what: … }` in a call of `sayIfLong`, and what such calls are given. */
function waitIn(node: ts.Node): ts.Expression | undefined {
  if (ts.isCallExpression(node) && node.expression.getText() === 'bounded') return node.arguments[0]
  if (ts.isBinaryExpression(node) && node.left.getText() === 'this.#awaits') return node.right
  const isWait = ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)
  if (!isWait || node.name.getText() !== 'what') return undefined
  if (!node.getSourceFile().text.includes('sayIfLong')) return undefined
  return ts.isPropertyAssignment(node) ? node.initializer : node.name
}

/** Returns the value of the constant that a name means, as far as the same function has it. */
function valueOf({ text, parent }: ts.Identifier): ts.Expression | undefined {
  for (let scope: ts.Node = parent; !ts.isSourceFile(scope); scope = scope.parent) {
    if (!ts.isBlock(scope)) continue
    for (const statement of scope.statements) {
      if (!ts.isVariableStatement(statement)) continue
      const found = statement.declarationList.declarations.find(
        ({ name }) => ts.isIdentifier(name) && name.text === text,
      )
      if (found) return found.initializer
    }
  }
  return undefined
}

function returnsOf(body: ts.Node): ts.Expression[] {
  const returned: ts.Expression[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return
    if (ts.isReturnStatement(node) && node.expression) returned.push(node.expression)
    ts.forEachChild(node, visit)
  }
  visit(body)
  return returned
}

function joined(before: readonly string[], after: readonly string[]): string[] {
  return before.flatMap((first) => after.map((second) => first + second))
}
