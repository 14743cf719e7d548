import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { checkout } from '../setup/places.mjs';

const tfjsNode = join('node_modules', '@tensorflow', 'tfjs-node');

/** What a set-up process said and how it ended. */
export type Ended = Readonly<{ code: number | null; stdout: string; stderr: string }>;

/**
 * A checkout beside the real one whose npm packages are installed and whose TensorFlow is not: its own copy of tools/ and
 * of tfjs-node, links to everything else. Its cache already holds the real one's unpacked library, by a link.
 */
export type ScratchCheckout = Readonly<{
  root: string;
  cache: string;
  /** Starts a script of the scratch checkout on this Node. */
  start: (script: string, args?: readonly string[], env?: NodeJS.ProcessEnv) => ChildProcess;
  /** Runs a script to its end. */
  run: (script: string, args?: readonly string[], env?: NodeJS.ProcessEnv) => Promise<Ended>;
  remove: () => void;
}>;

export function createScratchCheckout(): ScratchCheckout {
  const root = mkdtempSync(join(tmpdir(), 'testudo-setup-'));
  const cache = join(root, 'cache');
  for (const name of ['package.json', 'package-lock.json', 'base', 'tools']) {
    cpSync(join(checkout, name), join(root, name), { recursive: true });
  }
  linkEntries('node_modules', root, ['@tensorflow']);
  linkEntries(join('node_modules', '@tensorflow'), root, ['tfjs-node']);
  cpSync(join(checkout, tfjsNode), join(root, tfjsNode), {
    recursive: true,
    filter: (source) => !['deps', 'lib'].includes(source.slice(join(checkout, tfjsNode).length + 1)),
  });
  const library = readlinkSync(join(checkout, tfjsNode, 'deps'));
  mkdirSync(join(cache, 'library'), { recursive: true });
  symlinkSync(library, join(cache, 'library', basename(library)));

  const start: ScratchCheckout['start'] = (script, args = [], env = {}) =>
    spawn(process.execPath, [join(root, script), ...args], {
      cwd: root,
      env: { ...process.env, TESTUDO_CACHE: cache, TESTUDO_TF: undefined, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  return {
    root,
    cache,
    start,
    run: (script, args, env) => ended(start(script, args, env)),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Links each entry of the checkout's folder into the same folder of root, all but some. */
function linkEntries(folder: string, root: string, but: readonly string[]): void {
  mkdirSync(join(root, folder), { recursive: true });
  for (const name of readdirSync(join(checkout, folder))) {
    if (!but.includes(name)) symlinkSync(join(checkout, folder, name), join(root, folder, name));
  }
}

/** Collects a process's output until it has ended. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...said };
}
