// Proves that the adapter keeps the contract with Fastify 5.
import { adapterContract } from './adapter-contract.js'

adapterContract({ name: 'Fastify 5', fixture: 'fastify.js', framework: 'fastify' })
