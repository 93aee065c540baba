import http from 'node:http'
import { endless } from '@endless/core'
import { handler, port } from './handler.mjs'

endless(http.createServer(handler), { control: process.env.CONTROL }).listen(port, '127.0.0.1')
