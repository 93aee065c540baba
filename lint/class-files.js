// A file that exports a class exports one, and is named for it, so that a class is found by the name of its file.
import path from 'node:path'
import tseslint from 'typescript-eslint'

const kebab = (name) => name.replace(/(?<=[a-z\d])[A-Z]/g, (letter) => `-${letter}`).toLowerCase()

const oneForAFile = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: {
      many: 'This file exports {{count}} classes: give each a file of its own.',
      name: "A file that exports class {{name}} is called '{{file}}.ts'.",
    },
  },
  create(context) {
    const classes = []
    return {
      'ExportNamedDeclaration > ClassDeclaration': (node) => classes.push(node),
      'Program:exit'() {
        const [first, second] = classes
        if (second) {
          context.report({ node: second, messageId: 'many', data: { count: classes.length } })
        } else if (first && path.basename(context.filename, '.ts') !== kebab(first.id.name)) {
          const { name } = first.id
          context.report({ node: first, messageId: 'name', data: { name, file: kebab(name) } })
        }
      },
    }
  },
}

export const classFiles = {
  files: ['packages/*/src/**/*.ts'],
  languageOptions: { parser: tseslint.parser },
  plugins: { 'class-files': { rules: { 'one-for-a-file': oneForAFile } } },
  rules: { 'class-files/one-for-a-file': 'error' },
}
