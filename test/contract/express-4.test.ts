// Proves that the adapter keeps the contract with Express 4.
import { adapterContract } from './adapter-contract.js'

adapterContract({ name: 'Express 4', fixture: 'express.js', framework: 'express4' })
