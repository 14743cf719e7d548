#!/usr/bin/env node
import '../base/require-node.mjs'; // First: says so when this Node cannot run what follows.
import { keepCompiled } from './compile-cache.ts';
import { endWithReaders } from './standard-streams.ts';

keepCompiled();
endWithReaders();
const words = process.argv.slice(2);
if (words.length === 1 && (words[0] === '--help' || words[0] === '-h')) {
  const [{ helpText }, { print }] = await Promise.all([import('./help.ts'), import('./print.ts')]);
  print(helpText(process.stdout.isTTY ? process.stdout.columns : undefined));
} else await (await import('./program.ts')).runProgram(words);
