#!/usr/bin/env node
/**
 * What `testudo` starts. Everything that it imports at once is plain JavaScript that any Node can read and link: what follows is
 * asked for only once this Node is known to be one that can run it.
 */
import '../base/require-node.mjs';

// grpc-js would write lines of its own among those of our logs. Whoever wants them asks for them.
process.env.GRPC_NODE_VERBOSITY ??= process.env.GRPC_VERBOSITY ?? 'NONE';

// Before what it shall keep: half of what --help runs is the library that reads command lines.
const { keepCompiled } = await import('./compile-cache.ts');
keepCompiled();
await import('./testudo.ts');
