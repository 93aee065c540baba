// Proves that the adapter keeps the contract with Koa 2.
import { adapterContract } from './adapter-contract.js'

adapterContract({ name: 'Koa 2', fixture: 'koa.js', framework: 'koa2' })
