/**
 * `npm start`: set-up, then `testudo demo` on Node 22 with the arguments given after `--`.
 * `npm start -- --pure-js` accepts the slow TensorFlow backend.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { checkout, node22 } from './setup/places.mjs';
import { setUpOrExit } from './setup.mjs';

const args = process.argv.slice(2).filter((arg) => arg !== '--pure-js');
const pureJs = args.length < process.argv.length - 2 || process.env.TESTUDO_TF === 'js';

await setUpOrExit({ pureJs, redis: 'wanted' });

const env = { ...process.env, ...(pureJs ? { TESTUDO_TF: 'js' } : {}) };
const child = spawn(node22, [join(checkout, 'cli', 'testudo.ts'), 'demo', ...args], { stdio: 'inherit', env });
// The terminal signals the whole group; a supervisor signals us alone. Either way the child decides when to end.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
}
child.on('error', (error) => {
  process.stderr.write(`Node 22 did not start: ${error.message}\n`);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
});
