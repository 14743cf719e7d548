import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithFile } from '../../tools/testing/end-with-file.mjs';

/** How a command ended. */
export type Ended = Readonly<{ code: number | null; out: string; error: string }>;

/** A command line without `testudo`, and the environment that its process would have. */
export type CommandAsked = Readonly<{ words: readonly string[]; env: NodeJS.ProcessEnv }>;

const program = fileURLToPath(new URL('one-after-another.ts', import.meta.url));

/**
 * One process for the commands of a test file: what loads takes ten times as long as what most verbs do. It begins with the first
 * command, and ends with the file. It runs one command at a time: who has another meanwhile starts a process for that one.
 */
class CommandProcess {
  #child: ChildProcess | undefined;
  #isBusy = false;

  get isBusy(): boolean {
    return this.#isBusy;
  }

  async run(words: readonly string[]): Promise<Ended> {
    this.#child ??= this.#start();
    const child = this.#child;
    const { promise, resolve, reject } = Promise.withResolvers<Ended>();
    const lost = () => reject(new Error(`testudo ${words.join(' ')}: the process of this file's commands ended`));
    this.#isBusy = true;
    child.once('message', resolve).once('exit', lost);
    try {
      child.send({ words, env: process.env } satisfies CommandAsked);
      return await promise;
    } finally {
      child.off('message', resolve).off('exit', lost);
      this.#isBusy = false;
    }
  }

  #start(): ChildProcess {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const exited = once(child, 'exit').then(() => {
      this.#child = undefined;
    });
    endWithFile(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    return child;
  }
}

export const commandProcess = new CommandProcess();
