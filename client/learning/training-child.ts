import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromTrainer, ToTrainer } from './train-protocol.ts';

/**
 * The process that trains, as its client has it. It may end at any time, also before it is ready and between two jobs: the system
 * ends processes that are large. Whatever is asked of one that has ended does nothing, and nothing here throws.
 */
export class TrainingChild {
  /** Resolves when it waits for jobs, or has ended. */
  readonly ready: Promise<void>;
  /** Resolves with how it ended, or why it did not start. */
  readonly ended: Promise<string>;
  #process: ChildProcess | undefined;

  /** `program` calls `serveTraining`. */
  constructor(program: URL) {
    try {
      const child = fork(fileURLToPath(program), [], {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        // The debugger's and the test runner's flags are not for it.
        execArgv: process.execArgv.filter((flag) => !flag.startsWith('--inspect')),
      });
      this.#process = child;
      this.ended = new Promise((resolve) => {
        const end = (how: string) => {
          this.#process = undefined;
          resolve(how);
        };
        child.once('exit', (code, signal) => end(signal ?? `exit ${code}`));
        child.on('error', ({ message }) => child.pid === undefined && end(message));
      });
      const spoke = new Promise<void>((resolve) => void child.once('message', () => resolve()));
      this.ready = Promise.race([spoke, this.ended.then(() => undefined)]);
    } catch (error) {
      // The system refuses a process in either way.
      this.ended = Promise.resolve((error as Error).message);
      this.ready = Promise.resolve();
    }
  }

  get hasEnded(): boolean {
    return this.#process === undefined;
  }

  /** Its channel closes before its end is heard. */
  tell(message: ToTrainer): void {
    if (this.#process?.connected) this.#process.send(message, () => undefined);
  }

  /** Returns how to hear no more. */
  hear(listener: (message: FromTrainer) => void): () => void {
    const child = this.#process?.on('message', listener);
    return () => void child?.off('message', listener);
  }

  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  /** It ends when nobody is left to train for. */
  letGo(): void {
    if (this.#process?.connected) this.#process.disconnect();
  }
}
