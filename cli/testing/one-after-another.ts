/**
 * Runs many command lines in this one process: what loads takes longer than what most verbs do. Standard input: a JSON array of
 * arrays of words. Standard output: a JSON array of `Ended`, one for each. Only for verbs that end by themselves.
 */
import { readFileSync } from 'node:fs';
import { exitUncaught } from '../exit.ts';
import { verbs } from '../verbs.ts';
import type { Ended } from './command-line.ts';

class Exited extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

const { stdout, stderr } = process;
const write = stdout.write.bind(stdout);
const texts = { out: '', error: '' };
stdout.write = ((text: string) => {
  texts.out += text;
  return true;
}) as typeof stdout.write;
stderr.write = ((text: string) => {
  texts.error += text;
  return true;
}) as typeof stderr.write;
process.exit = ((code?: number) => {
  throw new Exited(code ?? Number(process.exitCode ?? 0));
}) as typeof process.exit;

async function run([name = '', ...words]: readonly string[]): Promise<Ended> {
  Object.assign(texts, { out: '', error: '' });
  process.exitCode = undefined;
  try {
    const command = await verbs[name]?.load(async () => []);
    await command?.parseAsync(words, { from: 'user' }).catch(exitUncaught);
    return { code: Number(process.exitCode ?? 0), ...texts };
  } catch (error) {
    if (error instanceof Exited) return { code: error.code, ...texts };
    return { code: null, ...texts, error: `${texts.error}${(error as Error).stack}` };
  }
}

const ended: Ended[] = [];
for (const words of JSON.parse(readFileSync(0, 'utf8')) as string[][]) ended.push(await run(words));
process.exitCode = 0;
write(JSON.stringify(ended));
