/**
 * Node's HTTP, asked for as values. An `import` of `node:http` reads all that it exports, and with that loads a whole client for
 * WebSockets, which nobody here uses: 33 ms of processor at each start of a process, a tenth of what a client's start takes.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http');
