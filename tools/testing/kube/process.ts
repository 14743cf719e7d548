import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** A program of the control plane. It ends with the process that started it, also when that one is killed. */
export type Running = Readonly<{
  name: string;
  pid: number;
  /** Resolves when it has ended, however. */
  ended: Promise<unknown>;
  running(): boolean;
  /** The end of what it said. */
  said(): string;
  /** Asks it to end and waits for that. May be called twice. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}>;

const linesShown = 15;
/** Go's collector runs when the heap has grown to five times what lives, not to twice: an eighth of a plane's processor time less. */
const collectedAtPercent = '400';

export async function startProgram(
  name: string,
  program: string,
  args: readonly string[],
  log: string,
): Promise<Running> {
  const output = openSync(log, 'a');
  let child: ChildProcess;
  try {
    // The kernel ends it when we end, however we end.
    child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
      stdio: ['ignore', output, output],
      env: { ...process.env, GOGC: collectedAtPercent },
    });
    await once(child, 'spawn');
  } finally {
    closeSync(output);
  }
  const ended = once(child, 'exit');
  const running = () => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid: child.pid as number,
    ended,
    running,
    said: () => readFileSync(log, 'utf8').trimEnd().split('\n').slice(-linesShown).join('\n'),
    async stop(signal = 'SIGKILL') {
      if (running()) child.kill(signal);
      await ended;
    },
    signal: (signal) => void child.kill(signal),
  };
}
