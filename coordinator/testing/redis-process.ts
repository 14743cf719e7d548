import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { lastingPorts } from '../../base/testing/lasting-ports.ts';

/** A real redis-server on a free port of the loopback, in memory alone: what it forgets when killed, it forgets. */
export class RedisProcess {
  readonly url: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #settings: readonly string[];
  #process: ChildProcess | undefined;

  protected constructor(port: number, folder: string, settings: readonly string[]) {
    this.#port = port;
    this.#folder = folder;
    this.#settings = settings;
    this.url = `redis://127.0.0.1:${port}`;
  }

  /** Started and ready; whoever started it kills it. */
  static async launch(folder: string, ...settings: readonly string[]): Promise<RedisProcess> {
    const [port = 0] = await lastingPorts(1);
    const server = new RedisProcess(port, folder, settings);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    // A replica writes what its primary sends it: into a folder of its own, never where it was started.
    const place = ['--dir', this.#folder, '--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0'];
    const common = ['--port', String(this.#port), '--bind', '127.0.0.1', ...place];
    const started = spawn('redis-server', [...common, ...this.#settings], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = started;
    for await (const line of createInterface({ input: started.stdout })) {
      if (line.includes('Ready to accept connections')) break;
    }
    started.stdout.resume();
  }

  /** Ends it the hard way, also when it is frozen. */
  async kill(): Promise<void> {
    const ending = this.#process;
    this.#process = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    ending.kill('SIGKILL');
    await once(ending, 'exit');
  }

  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }
}
