import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';

type Idea = Readonly<{
  /** The one file that holds it. */
  place: string;
  /** What does it: nothing else may. */
  does: RegExp;
  /** Files that do it all the same, each with the reason. */
  except?: Readonly<Record<string, string>>;
  /** Lines that `does` must find, as others once wrote them. */
  seen: readonly string[];
}>;

const beforePackages = 'runs in plain Node, also before there are packages';

/** The common ground: each idea exists once, and everybody uses it. */
const ideas: Readonly<Record<string, Idea>> = {
  'asking a thread': {
    place: 'base/thread-link.ts',
    does: /\b(?:Worker|parentPort)\b[^;]*\bfrom 'node:worker_threads'/,
    except: {
      'client/tracks/onnx/onnx-session.ts': 'blocks its caller until the answer is there, so no event can bring it',
    },
    seen: [
      "import { Worker } from 'node:worker_threads';",
      "import { parentPort, workerData } from 'node:worker_threads';",
    ],
  },
  'waking a loop': {
    place: 'base/beat.ts',
    // A loop that takes back the wish which it goes on for.
    does: /\b(?:while|for) \([^{]*this\.(#\w+)\b[^{]*\{\s*this\.\1 = false;/,
    seen: [
      'while (this.#again && !this.#closed) {\n      this.#again = false;',
      'for (let attempt = 0; this.#again; ) {\n      this.#again = false;',
    ],
  },
  'writing whole files, durably': {
    place: 'base/atomic-file.ts',
    does: /\brename(?:Sync)?\(|\bf(?:data)?sync(?:Sync)?\(|\.(?:data)?sync\(\)|\bflush: true\b/,
    except: { 'tools/build.mjs': beforePackages },
    seen: [
      'await rename(temporary, path);',
      'renameSync(a, b)',
      'fsyncSync(fd)',
      'await file.sync();',
      '{ flush: true }',
    ],
  },
  'making a folder with those above it': {
    place: 'base/atomic-file.ts',
    // By Node's own way as well, which never comes back from below /proc.
    does: /\bmkdir(?:Sync)?\([^;]*recursive: true|\bmkdirSync\(at, mode\)/,
    except: { 'tools/build.mjs': beforePackages, 'tools/test.mjs': beforePackages },
    seen: [
      'await mkdir(dirname(path), { recursive: true, mode: privateFolderMode });',
      'mkdirSync(folder, { recursive: true })',
    ],
  },
  'drawing from a seed': {
    place: 'base/random.ts',
    // Increments and multipliers of known generators, and a state that is multiplied or shifted into the next.
    does: /1_?664_?525|0x6d2b79f5|6364136223846793005|\bstate = [^;]*Math\.imul|\b(\w+) \^= \1 << /i,
    except: { 'bench/harness/lcg.ts': 'begins each row where the peers in other languages begin it' },
    seen: ['state = (Math.imul(state, 5) + 1) | 0;', 'state = (state + 0x6d2b79f5) >>> 0;', 'x ^= x << 13;'],
  },
  logging: {
    place: 'base/log.ts',
    does: /\bfrom 'pino'/,
    seen: ["import type { Logger } from 'pino';", "import pino from 'pino';"],
  },
  'serving HTTP': {
    place: 'base/serving/http-server.ts',
    does: /\bcreateServer\b[^;]*\bfrom '(?:node:https?|\S*\/node-http\.ts)'/,
    seen: [
      "import { createServer, type Server } from 'node:http';",
      "import { createServer } from '../../base/serving/node-http.ts';",
    ],
  },
  "taking Node's HTTP without its client for WebSockets": {
    place: 'base/serving/node-http.ts',
    does: /^import (?!type\b)[^;]*\bfrom 'node:http';|getBuiltinModule\('node:http'\)/m,
    except: { 'bench/dashboard/pages.ts': 'a bench, whose start nobody waits for' },
    seen: ["import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';"],
  },
  'taking the sign off a 0': {
    place: 'base/text/number.ts',
    does: /(?:=>|\breturn) \w+ \+ 0;/,
    seen: ['const plain = (value: number) => value + 0;'],
  },
  'turning the name of a module beside this one into its built form': {
    place: 'tools/build.mjs', // Everybody else writes new URL('./module.ts', import.meta.url).
    does: /\bimport(?:\\?\.)meta(?:\\?\.)url(?:\.replace|\.endsWith|\)\/g, '\$1\.js)/,
    except: { 'client/tracks/track-kinds.ts': 'looks for modules in folders whose names it does not know' },
    seen: [
      "new URL(import.meta.url.replace(/trainer\\.(ts|js)$/, 'train-process.$1'))",
      "const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';",
    ],
  },
  'locking a folder': {
    place: 'base/folder-lock.ts',
    does: /BEGIN EXCLUSIVE|locking_mode/i,
    seen: ["database.exec('BEGIN EXCLUSIVE');"],
  },
};

const folders = [
  'base',
  'proto',
  'aggregation',
  'coordinator',
  'client',
  'relay',
  'door',
  'cli',
  'demo',
  'lab',
  'bench',
  'tools',
];
const modules = new Map(
  folders
    .flatMap((folder) => modulesBelow(join(checkout, folder)))
    .map((path) => [nameOf(path), readFileSync(path, 'utf8')]),
);

/** Everything that runs but tests and their helpers, generated code, and set-up, which has no packages to build upon. */
function modulesBelow(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      const isLeftOut = ['generated', 'testing', 'golden', 'node_modules'].includes(entry.name);
      return isLeftOut || nameOf(path) === 'tools/setup' ? [] : modulesBelow(path);
    }
    return /\.[cm]?[jt]s$/.test(entry.name) && !/\.test\.ts$|-contract\.ts$/.test(entry.name) ? [path] : [];
  });
}

function nameOf(path: string): string {
  return relative(checkout, path).split(sep).join('/');
}

describe('one place for each idea', () => {
  it('reads every module of the house', () => {
    expect(modules.size).toBeGreaterThan(600);
    for (const folder of ['base', 'proto', 'aggregation', 'coordinator', 'client', 'cli', 'bench', 'tools']) {
      const count = [...modules.keys()].filter((name) => name.startsWith(`${folder}/`)).length;
      expect({ folder, enough: count >= 5 }).toEqual({ folder, enough: true });
    }
  });

  it.each(Object.entries(ideas))('%s', (_, { place, does, except = {}, seen }) => {
    for (const line of seen) expect(line).toMatch(does);
    const doing = [...modules].filter(([, text]) => does.test(text)).map(([name]) => name);
    // Its own place among them: a pattern that finds nothing there would find nothing anywhere.
    expect(doing.sort()).toEqual([place, ...Object.keys(except)].sort());
  });
});
