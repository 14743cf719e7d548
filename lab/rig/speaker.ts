import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export type SpeakerPlan = Readonly<{
  /** A script, run by this very Node. Ends by itself when its standard input does. */
  program: string;
  /** Handed over as JSON, as its one argument. */
  task: object;
  /** The line by which it says that it is ready. */
  ready: string;
  /** Every other line. */
  onLine: (line: string) => void;
}>;

export type Speaker = Readonly<{
  pid: number;
  /** One line to its standard input. */
  tell(line: string): void;
  kill(): void;
}>;

/** Starts a process that works and says what it did, a line each. Resolves when it is ready; throws when it ends before. */
export async function startSpeaker({ program, task, ready, onLine }: SpeakerPlan): Promise<Speaker> {
  const args = [program, JSON.stringify(task)];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin?.on('error', () => undefined); // It ended before it read.
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code} before it was ready`)));
    lines.on('line', (line) => (line === ready ? resolve() : onLine(line)));
  });
  const tell = (line: string) => void child.stdin?.write(`${line}\n`);
  return { pid: child.pid as number, tell, kill: () => void child.kill('SIGKILL') };
}
