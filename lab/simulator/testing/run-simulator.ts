import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const program = fileURLToPath(new URL('../main.ts', import.meta.url));

type Line = Readonly<{
  seed?: number;
  seeds?: number;
  name?: string;
  detail?: string;
  broken?: number;
  done?: Record<string, number>;
}>;

/** The simulator has its process to itself: it holds what a process takes from its surroundings. */
export async function simulator(...parameters: string[]): Promise<readonly string[]> {
  const options = { maxBuffer: 64 << 20, cwd: root };
  const flags = ['--disable-warning=ExperimentalWarning', program, ...parameters];
  const run = promisify(execFile)(process.execPath, flags, options);
  // Broken rules end it with 1: what it wrote says which.
  const { stdout } = await run.catch((error: { code: unknown; stdout: string; stderr: string }) => {
    if (error.code === 1 && error.stdout !== '') return error;
    throw error;
  });
  return stdout.trim().split('\n');
}

export function lineOf(text: string | undefined): Line {
  return JSON.parse(text ?? '{}') as Line;
}
