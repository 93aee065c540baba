// What the contract needs of an adapter, and what a fixture of one exports.
import type * as core from '@endless/core'
import type { EndlessOptions, EndlessServer } from '@endless/core'

export interface AdapterUnderTest {
  /** What the tests are called by: `Express 4`. */
  name: string
  /** A file of test/fixtures/contract that has the exports of {@link AdapterFixture}. */
  fixture: string
  /** The package of the framework, by the name under which it is installed here: `express4`. */
  framework: string
}

/** What a fixture exports. It runs as a program of its own and in the test runner. */
export interface AdapterFixture {
  /** Everything that the adapter's package exports. */
  adapter: typeof core
  /**
   * Makes an app, and makes it endless as its users do. It answers `GET /` with `hello`, and streams
   * what is sent to `POST /echo` back as it comes; each response has the headers `x-pid` and
   * `x-generation`.
   */
  createSubject(settings: SubjectSettings): Promise<Subject>
}

export interface SubjectSettings {
  framework: string
  options?: EndlessOptions
  /** Makes it an https server. */
  tls?: { key: string; cert: string } | undefined
}

export interface Subject {
  endless: EndlessServer
  /** Listens as its users do; rejects with what they are told if that fails. */
  listen(port: number, host?: string): Promise<unknown>
}
