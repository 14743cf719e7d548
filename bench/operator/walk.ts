import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder } from '../../base/atomic-file.ts';
import { packPackage } from '../../deploy/package/pack.ts';
import { checkout } from '../../tools/setup/places.mjs';

export type Step = Readonly<{ command: string; seconds: number }>;
export type Walk = Readonly<{ steps: readonly Step[]; candidate: string; editedFiles: number }>;

/** The page that is followed: its first block of commands, as it stands. */
const page = path.join(checkout, 'docs', 'quickstart.md');
const edits = /^\s*(?:vi|vim|nano|emacs|ed|sed|code|\$EDITOR)\b/;

/**
 * Types what the quickstart says, line by line, on a machine that has Node and npm alone: an empty home, an empty prefix, an
 * empty cache and no registry. Throws when a line fails, or when no candidate came of it.
 */
export async function followQuickstart(dist: string, folder: string): Promise<Walk> {
  const home = path.join(folder, 'home');
  makeFolder(home);
  await packPackage(dist, home);
  const prefix = path.join(folder, 'prefix');
  const search = [path.join(prefix, 'bin'), path.dirname(process.execPath), '/usr/bin', '/bin'];
  const env = {
    HOME: home,
    PATH: search.join(path.delimiter),
    npm_config_prefix: prefix,
    npm_config_offline: 'true',
  };
  const lines = commandsIn(await readFile(page, 'utf8'));
  const steps: Step[] = [];
  let candidate = '';
  try {
    for (const command of lines) {
      const startedAt = performance.now();
      const out = await typed(command, home, env);
      steps.push({ command, seconds: (performance.now() - startedAt) / 1000 });
      candidate = /\br-\d+ of \w+: candidate\b.*/.exec(out)?.[0] ?? candidate;
    }
  } finally {
    await typed('testudo down', home, env).catch(() => undefined); // Where a line before it failed.
  }
  if (candidate === '') throw new Error('the quickstart ended without a candidate');
  return { steps, candidate, editedFiles: lines.filter((line) => edits.test(line)).length };
}

/** Bytes on the disk of what npm installed. */
export async function installedBytes(folder: string): Promise<number> {
  const root = path.join(folder, 'prefix', 'lib', 'node_modules', 'testudo');
  let bytes = 0;
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(path.join(entry.parentPath, entry.name))).blocks * 512;
  }
  return bytes;
}

function commandsIn(text: string): readonly string[] {
  const block = /^```sh\n([\s\S]*?)^```/m.exec(text)?.[1];
  if (block === undefined) throw new Error(`${page} has no block of commands`);
  return block
    .split('\n')
    .map((line) => line.replace(/\s+# .*$/, '').trim())
    .filter((line) => line !== '');
}

/** A line in a shell of its own; an end that says "wants attention" (4) is a good one. */
async function typed(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn('/bin/sh', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0 && code !== 4) throw new Error(`${command}: ended with ${code}: ${said}`);
  return said;
}
