// Proves that the adapter keeps the contract with Express 5.
import { adapterContract } from './adapter-contract.js'

adapterContract({ name: 'Express 5', fixture: 'express.js', framework: 'express' })
