import { spawn } from 'node:child_process';

/** What a measured process printed as its last JSON line. */
export type ChildLine = Readonly<Record<string, unknown>>;

/** Runs a program to its end. Throws with the end of its stderr when it fails or prints no JSON line. */
export function runChild(command: string, args: readonly string[]): Promise<ChildLine> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const [output, complaints]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => complaints.push(bytes));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const line = Buffer.concat(output)
        .toString()
        .trimEnd()
        .split('\n')
        .findLast((text) => text.startsWith('{'));
      if (code === 0 && line !== undefined) {
        resolve(JSON.parse(line) as ChildLine);
        return;
      }
      const tail = Buffer.concat(complaints).toString().trim().split('\n').slice(-3).join(' | ');
      reject(new Error(`${command} ${args.join(' ')}: ${signal ?? `exit ${code}`}: ${tail}`));
    });
  });
}
