import { spawn } from 'node:child_process';
import { once } from 'node:events';

export type ProgramRun = Readonly<{
  out: string;
  /** From its start to its end. */
  seconds: number;
  /** Of the processor, in all of its threads: what others do on the machine costs nothing here. */
  processorSeconds: number;
}>;

const tellCost = encodeURIComponent(
  "process.once('exit', () => process.stderr.write(JSON.stringify(process.cpuUsage()) + '\\n'))",
);

/** One run of a program of ours. An end that says "wants attention" (4) is a good one. */
export async function runProgram(words: readonly string[]): Promise<ProgramRun> {
  const startedAt = performance.now();
  const flags = ['--disable-warning=ExperimentalWarning', `--import=data:text/javascript,${tellCost}`];
  const child = spawn(process.execPath, [...flags, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { out: '', error: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.error += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const seconds = (performance.now() - startedAt) / 1000;
  if (code !== 0 && code !== 4) throw new Error(`${words.slice(1).join(' ')}: ended with ${code}: ${texts.error}`);
  const { user, system } = JSON.parse(texts.error.trimEnd().split('\n').at(-1) ?? '') as NodeJS.CpuUsage;
  return { out: texts.out, seconds, processorSeconds: (user + system) / 1e6 };
}
