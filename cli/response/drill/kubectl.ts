import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';

export type Ran = Readonly<{ code: number; out: string; error: string }>;

const outputBytesMax = 64 << 20;

/** kubectl as the operator has it: a drill has the operator's own rights, and none of the agent's. */
export class OperatorsKubectl {
  readonly #program: string;
  readonly #before: readonly string[];

  /** `more`: options of kubectl's own, such as a configuration. */
  constructor(program: string, namespace: string, more: readonly string[] = []) {
    this.#program = program;
    this.#before = [...more, '-n', namespace];
  }

  try(args: readonly string[], input = ''): Promise<Ran> {
    return new Promise((resolve) => {
      const options = { maxBuffer: outputBytesMax };
      const child = execFile(this.#program, [...this.#before, ...args], options, (error, out, errorText) =>
        resolve({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1,
          out,
          error: errorText || (error?.message ?? ''),
        }),
      );
      child.stdin?.on('error', () => undefined); // It ended before it read: its code says so.
      child.stdin?.end(input);
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
    return spawn(this.#program, [...this.#before, ...args]);
  }
}
