/**
 * Holds that time is a port: coordinator, client and what they stand on read clocks and wait by `Timers` (base/time.ts)
 * alone, so that a simulator can hold them. Run as a script it prints what it read, and ends with 1 when a module goes to
 * the machine's clock by itself, when an exception has nothing to except any more, or when too little was read.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { checkout, isMain } from '../setup/places.mjs';
import { mentionsIn } from './imports.ts';

export type TimeRules = Readonly<{
  /** Folders that are held to it; at least one module must be read in each. */
  folders: readonly string[];
  /** Modules that may ask the machine, each with the reason why no simulator needs to hold it. */
  exceptions: Readonly<Record<string, string>>;
  /** Composition roots, which hand on the system's timers; nobody else may import them. */
  roots: readonly string[];
  /** Modules that have still to be given Timers. The list may only become shorter. */
  notYet: readonly string[];
}>;

const inThread = 'runs in a thread or process of its own and bounds the real work that it does there';

export const timeRules: TimeRules = {
  folders: ['base', 'proto', 'aggregation', 'coordinator', 'client', 'relay', 'door'],
  exceptions: {
    'base/system-timers.ts': 'is the port to the machine',
    'base/folder-lock.ts': 'tells people since when a process of this machine holds a folder',
    'proto/call.ts': "gRPC counts a call's deadline by the machine's clock: nothing of ours can tell it another one",
    'coordinator/candidate/study/study-thread.ts': inThread,
    'client/learning/duty-cycle.ts': inThread,
    'client/learning/trainer.ts': 'measures the pressure that a real process puts on this machine and this event loop',
    'client/learning/serve-training.ts': inThread,
    'client/scoring/score-desk.ts': inThread,
    'client/tracks/neural/features/autoencoder.ts': inThread,
    'client/tracks/flow/link/link-training.ts': inThread,
    'client/tracks/onnx/onnx-session.ts': inThread,
    'client/tracks/syscall/language-model/language-model-training.ts': inThread,
    'client/tracks/syscall/windows/window-training.ts': inThread,
  },
  roots: [
    'coordinator/coordinator.ts',
    'coordinator/founding.ts',
    'coordinator/worker.ts',
    'client/client.ts',
    'client/sensor.ts',
    'client/response/agent.ts',
    'relay/relay.ts',
    'door/door.ts',
  ],
  notYet: [],
};

/** Ways to the machine's time, in code that has lost its comments. */
const ways: readonly RegExp[] = [
  /\bDate\s*\.\s*now\b/,
  /\bnew\s+Date\s*(?:\(\s*\)|(?=[;,)\]}\s]))/,
  /(?<!\bnew\s+)(?<![.\w])Date\s*\(/,
  /[{,]\s*now\b[^}]*\}\s*=\s*(?:Date|performance)\b/,
  /(?<![.\w])(?:globalThis\s*\.\s*)?set(?:Timeout|Interval)\b/,
  /\bglobalThis\s*\.\s*set(?:Timeout|Interval)\b/,
  /\bperformance\s*\.\s*(?:now|timeOrigin|mark|measure)\b/,
  /\bprocess\s*\.\s*(?:hrtime|uptime)\b/,
  /\bAbortSignal\s*\.\s*timeout\b/,
];
const ofSystem = "imports the system's timers, which composition roots hand on";
const modules = /^(?:node:)?(?:timers|timers\/promises|perf_hooks)$/;

export type Violation = Readonly<{ file: string; line: number; why: string }>;
export type TimeReading = Readonly<{ modules: Readonly<Record<string, number>>; violations: readonly Violation[] }>;

/** Reads every module of those folders below root; tests, suites of tests and testing/ may wait as they like. */
export function readTime(root: string, { folders, exceptions, roots, notYet }: TimeRules): TimeReading {
  const counts: Record<string, number> = {};
  const violations: Violation[] = [];
  const excepted = new Set([...Object.keys(exceptions), ...notYet]);
  const unused = new Set(excepted);
  for (const folder of folders) {
    const files = modulesBelow(join(root, folder));
    counts[folder] = files.length;
    if (files.length === 0) violations.push({ file: folder, line: 0, why: 'no module was read here' });
    for (const path of files) {
      const file = relative(root, path).replaceAll('\\', '/');
      const isRoot = roots.includes(file);
      const found = waysIn(readFileSync(path, 'utf8'), /\.[cm]?ts$/.test(path) ? 'ts' : 'js').filter(
        ({ why }) => !isRoot || why !== ofSystem,
      );
      if (!excepted.has(file)) violations.push(...found.map((way) => ({ file, ...way })));
      else if (found.length > 0) unused.delete(file);
    }
  }
  for (const file of unused) {
    violations.push({ file, line: 0, why: 'is an exception that excepts nothing; take it off the list' });
  }
  return { modules: counts, violations };
}

/** Where this source asks the machine what time it is, or waits by it. Lines count from 1. */
export function waysIn(source: string, language: 'ts' | 'js'): readonly Omit<Violation, 'file'>[] {
  const found: Omit<Violation, 'file'>[] = [];
  for (const { specifier, line } of mentionsIn(source, language)) {
    if (specifier === undefined) continue;
    if (modules.test(specifier)) found.push({ line, why: `imports ${specifier}` });
    if (/(?:^|\/)system-timers\.ts$/.test(specifier)) found.push({ line, why: ofSystem });
  }
  for (const [index, text] of withoutComments(source).split('\n').entries()) {
    const way = ways.map((pattern) => pattern.exec(text)?.[0].trim()).find((match) => match !== undefined);
    if (way !== undefined) found.push({ line: index + 1, why: `goes to the machine's time by \`${way}\`` });
  }
  return found;
}

/** The same lines, with blanks where comments were. A comment's beginning inside a one-line string is none. */
function withoutComments(source: string): string {
  return source.replace(commentOrString, (match) => (match.startsWith('/') ? match.replace(/[^\n]/g, ' ') : match));
}

const commentOrString = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g;

function modulesBelow(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : modulesBelow(path);
    return /\.[cm]?[jt]s$/.test(entry.name) && !ofTests.test(entry.name) ? [path] : [];
  });
}

const skippedFolders = new Set(['node_modules', 'assembly', 'dist', 'generated', 'testing', 'golden']);
const ofTests = /(?:\.(?:test|bench)|-contract)\.[cm]?[jt]s$/;

function main(): void {
  const { modules: counts, violations } = readTime(checkout, timeRules);
  for (const { file, line, why } of violations) process.stderr.write(`${file}:${line}: ${why}\n`);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const byFolder = Object.entries(counts).map(([folder, count]) => `${folder} ${count}`);
  const exceptionCount = Object.keys(timeRules.exceptions).length;
  process.stdout.write(
    `time: read ${total} modules (${byFolder.join(', ')}), ${exceptionCount} exceptions, ${timeRules.notYet.length} not yet, `,
  );
  process.stdout.write(`${violations.length} ways to the machine's time beside Timers\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}

if (isMain(import.meta.url)) main();
