#!/usr/bin/env node
// Committed, so that a package manager can link the command before it has been built.
import '../dist/main.js'
