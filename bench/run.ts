#!/usr/bin/env node
/**
 * Runs one benchmark, prints one JSON line per case and, unless it is a --small run, keeps bench/results/NAME.json and
 * docs/benchmarks/NAME.md.
 *
 *     node bench/run.ts                      lists the benchmarks
 *     node bench/run.ts NAME [--track TRACK] [--peers] [--small] [--only TEXT] [--repeat N] [--out DIR]
 *
 * A benchmark that is measured in pieces writes its page from those it has with `--only page`.
 *
 * A benchmark that exists for several tracks is NAME for syscall and NAME-TRACK for another: --track chooses.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Bench, BenchOptions } from './harness/bench.ts';
import { endWithChildren } from './harness/end-with-children.ts';
import { describeMachine } from './harness/machine.ts';
import { type Collected, collectReport } from './harness/report.ts';

const benchDir = path.dirname(fileURLToPath(import.meta.url));

/** Every `bench/FOLDER/NAME.bench.ts`, name to file: a benchmark registers by being there. */
function benchFiles(): ReadonlyMap<string, string> {
  const files = readdirSync(benchDir, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.bench.ts'),
  );
  return new Map(files.map((file) => [path.basename(file, '.bench.ts'), path.join(benchDir, file)]));
}

/** The names of all benchmarks, sorted. */
export function benchNames(): string[] {
  return [...benchFiles().keys()].sort();
}

/** The benchmark of that name. Throws where the file does not export a `bench` that bears its name. */
export async function loadBench(name: string): Promise<Bench> {
  const file = benchFiles().get(name);
  if (file === undefined) throw new RangeError(`no benchmark is called ${JSON.stringify(name)}`);
  const module = (await import(pathToFileURL(file).href)) as { bench?: Bench };
  if (module.bench?.name !== name) {
    throw new TypeError(
      `${path.relative(process.cwd(), file)}: expected an export \`bench\` with name ${JSON.stringify(name)}`,
    );
  }
  return module.bench;
}

/** Runs one benchmark and gives what it reported; nothing is written. */
export async function runBench(
  bench: Bench,
  options: BenchOptions,
  command: string,
  print: (line: string) => void,
): Promise<Collected> {
  const { name, summary } = bench;
  const report = collectReport({ name, summary, command, machine: describeMachine(), startedAt: new Date() }, print);
  await bench.run(options, report);
  if (report.lines.length === 0) throw new Error(`bench ${name}: no case was measured; is --only too narrow?`);
  return report;
}

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      peers: { type: 'boolean', default: false },
      small: { type: 'boolean', default: false },
      track: { type: 'string', default: 'syscall' },
      only: { type: 'string' },
      repeat: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const name = values.track === 'syscall' ? positionals[0] : `${positionals[0]}-${values.track}`;
  if (name === undefined || !benchNames().includes(name)) {
    for (const each of benchNames()) console.log(`${each.padEnd(16)} ${(await loadBench(each)).summary}`);
    if (name === undefined) return 0;
    console.error(`bench: no benchmark ${JSON.stringify(name)}; choose one of the above`);
    return 2;
  }
  const repeat = Number(values.repeat ?? (values.small ? 1 : 5));
  if (!Number.isSafeInteger(repeat) || repeat < 1)
    throw new RangeError(`--repeat: expected 1 or more, got ${values.repeat}`);

  const command = `npm run bench -- ${args.join(' ')}`;
  const report = await runBench(
    await loadBench(name),
    { small: values.small, peers: values.peers, only: values.only, repeat },
    command,
    console.log,
  );
  // A narrowed or small run must not replace the full one's figures, so it is kept only where it is told to.
  const whole = values.only === undefined || values.only === 'page';
  if (values.out !== undefined || (whole && !values.small)) {
    const root = path.dirname(benchDir);
    const resultsDir = values.out ?? path.join(root, 'bench', 'results');
    const docsDir = values.out ?? path.join(root, 'docs', 'benchmarks');
    for (const written of report.save(resultsDir, docsDir))
      console.error(`wrote ${path.relative(process.cwd(), written)}`);
  }
  return 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  endWithChildren();
  process.exitCode = await main(process.argv.slice(2));
}
