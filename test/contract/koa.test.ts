// Proves that the adapter keeps the contract with Koa 3.
import { adapterContract } from './adapter-contract.js'

adapterContract({ name: 'Koa 3', fixture: 'koa.js', framework: 'koa' })
