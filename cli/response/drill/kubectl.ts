import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

export type Ran = Readonly<{ code: number; out: string; error: string }>;

const outputBytesMax = 64 << 20;

/**
 * kubectl as the operator has it: a drill has the operator's own rights, and none of the agent's. Each runs in a process group of
 * its own: who interrupts a drill at a terminal interrupts the drill, and not what it undoes.
 */
export class OperatorsKubectl {
  readonly #program: string;
  readonly #namespace: string;
  readonly #more: readonly string[];
  readonly #signal: AbortSignal | undefined;

  /** `more`: options of kubectl's own, such as a configuration. `signal`: ends what runs, and rejects what is asked later. */
  constructor(program: string, namespace: string, more: readonly string[] = [], signal?: AbortSignal) {
    this.#program = program;
    this.#namespace = namespace;
    this.#more = more;
    this.#signal = signal;
  }

  /** The same, not to be interrupted: what undoes goes through here. */
  get undoing(): OperatorsKubectl {
    return new OperatorsKubectl(this.#program, this.#namespace, this.#more);
  }

  async try(args: readonly string[], input = ''): Promise<Ran> {
    this.#signal?.throwIfAborted();
    const ran = await this.#run(args, input);
    this.#signal?.throwIfAborted();
    return ran;
  }

  #run(args: readonly string[], input: string): Promise<Ran> {
    return new Promise((resolve) => {
      const child = this.start(args);
      let [out, error] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
        if (out.length > outputBytesMax) child.kill('SIGKILL');
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        error = (error + text).slice(-65_536);
      });
      child.once('error', ({ message }) => resolve({ code: -1, out, error: message }));
      child.once('close', (code) => resolve({ code: code ?? -1, out, error }));
      child.stdin.end(input);
    });
  }

  /** What it says; throws what it was refused with. */
  async run(args: readonly string[], input?: string): Promise<string> {
    const { code, out, error } = await this.try(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.slice(0, 3).join(' ')}: ${error.trim() || `ended with ${code}`}`);
    return out;
  }

  async json<Value>(args: readonly string[]): Promise<Value> {
    return JSON.parse(await this.run([...args, '-o', 'json'])) as Value;
  }

  /** One that goes on until it is killed. */
  start(args: readonly string[]): ChildProcessWithoutNullStreams {
    const child = spawn(this.#program, [...this.#more, '-n', this.#namespace, ...args], { detached: true });
    const end = () => void child.kill('SIGKILL');
    this.#signal?.addEventListener('abort', end, { once: true });
    child.once('exit', () => this.#signal?.removeEventListener('abort', end));
    child.on('error', () => undefined); // Where it could not be started it has ended, which is heard.
    child.stdin.on('error', () => undefined); // It ended before it read: its code says so.
    return child;
  }
}
