/**
 * The process behind CommandProcess: runs command lines that its parent sends, one after another, each as `testudo` would, and
 * answers each with how a process of its own would have ended. Only for verbs that end by themselves.
 */
import { fileURLToPath } from 'node:url';
import { runProgram } from '../program.ts';
import type { CommandAsked, Ended } from './command-process.ts';

class Exited extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

const texts = { out: '', error: '' };
process.stdout.write = ((text: string) => {
  texts.out += text;
  return true;
}) as typeof process.stdout.write;
process.stderr.write = ((text: string) => {
  texts.error += text;
  return true;
}) as typeof process.stderr.write;
process.exit = ((code?: number) => {
  throw new Exited(code ?? Number(process.exitCode ?? 0));
}) as typeof process.exit;

/** Takes what was thrown where nobody waits for it: the end of the command that runs, as of a process. */
let thrown = (_: unknown) => {};
process.on('uncaughtException', (error) => thrown(error));

/** What a command listens to; a process would have taken its listeners with it. */
const events = ['SIGINT', 'SIGTERM', 'SIGHUP', 'beforeExit', 'exit'] as const;

const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));

async function run({ words, env }: CommandAsked): Promise<Ended> {
  Object.assign(texts, { out: '', error: '' });
  process.exitCode = undefined;
  process.argv = [process.execPath, testudo, ...words];
  for (const name of Object.keys(process.env)) if (env[name] === undefined) delete process.env[name];
  Object.assign(process.env, env);
  const before = events.map((event) => [event, process.listeners(event as 'exit')] as const);
  const { promise: uncaught, reject } = Promise.withResolvers<never>();
  thrown = reject;
  try {
    await Promise.race([runProgram(words), uncaught]);
    return { code: Number(process.exitCode ?? 0), ...texts };
  } catch (error) {
    if (error instanceof Exited) return { code: error.code, ...texts };
    return { code: null, ...texts, error: `${texts.error}${(error as Error).stack}` };
  } finally {
    for (const [event, kept] of before) {
      for (const one of process.listeners(event as 'exit')) {
        if (kept.includes(one)) continue;
        if (event === 'exit') one(Number(process.exitCode ?? 0));
        process.off(event, one);
      }
    }
  }
}

process.on('message', (asked: CommandAsked) => {
  void run(asked).then((ended) => process.send?.(ended));
});
