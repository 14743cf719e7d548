import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';
import { type Law, law } from './arrows/house.ts';
import { readArrows } from './arrows.ts';
import { mentionsIn } from './imports.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'testudo-arrows-'));
  plant('base/fault.ts', "export const fault = 'F';\n");
  plant('proto/ids.ts', "export { fault } from '../base/fault.ts';\n");
  plant('dashboard/main.ts', "import '../base/fault.ts';\n");
  plant('demo/run.ts', "import '../lab/rig.ts';\n");
  plant('relay/relay.ts', "import '../coordinator/round.ts';\nimport '../client/train.ts';\n");
  plant('door/door.ts', "import '../coordinator/round.ts';\n");
  plant('lab/rig.ts', "import '../coordinator/round.ts';\nimport '../client/train.ts';\n");
  plant(
    'aggregation/krum.ts',
    "import { availableParallelism } from 'node:os';\nexport const n = availableParallelism();\n",
  );
  plant(
    'coordinator/round.ts',
    "import { n } from '../aggregation/krum.ts';\nimport type { fault } from '../proto/ids.ts';\n",
  );
  plant('client/train.ts', "import { fault } from '../proto/ids.ts';\nimport { tf } from '#tensorflow';\n");
  plant(
    'cli/testudo.ts',
    "import '../tools/require-node.mjs';\nimport '../coordinator/round.ts';\nimport '../client/train.ts';\n",
  );
});
afterEach(() => rmSync(root, { recursive: true }));

function plant(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** The law of the planted house: the real borders, and no rooms, floors or known faults of its own. */
const planted: Law = {
  ...law,
  readToo: [],
  rooms: {},
  modulesMin: {},
  known: { inCircles: [], upwards: [], tooLarge: [] },
};
const read = (changes: Partial<Law> = {}) => readArrows(root, { ...planted, ...changes });
const objections = (changes: Partial<Law> = {}) => read(changes).violations.map(({ file, line }) => `${file}:${line}`);
/** What crosses a border the wrong way may close a circle as well: that is said beside it. */
const beyondCircles = (changes: Partial<Law> = {}) =>
  read(changes).violations.filter(({ why }) => !why.startsWith('is in a circle'));

describe('readArrows', () => {
  it('accepts every arrow of the architecture, and counts what it read', () => {
    expect(read()).toEqual({
      modules: {
        ...{ base: 1, proto: 1, aggregation: 1, coordinator: 1, client: 1, relay: 1, door: 1 },
        ...{ dashboard: 1, lab: 1, demo: 1, cli: 1 },
      },
      arrowsFollowed: 16,
      circles: { between: 0, inside: 0 },
      medianLines: 2,
      violations: [],
    });
  });

  it.each([
    ['coordinator → client', 'coordinator/a.ts', "import { x } from '../client/train.ts';"],
    ['client → coordinator', 'client/a.ts', "import { x } from '../coordinator/round.ts';"],
    ['client → aggregation', 'client/a.ts', "export { n } from '../aggregation/krum.ts';"],
    ['client → cli', 'client/a.ts', "export * from '../cli/testudo.ts';"],
    ['aggregation → proto', 'aggregation/a.ts', "import '../proto/ids.ts';"],
    ['proto → anything', 'proto/a.ts', "import '../aggregation/krum.ts';"],
    ['coordinator → cli, deeper down', 'coordinator/grpc/a.ts', "import '../../cli/testudo.ts';"],
    ['coordinator → bench', 'coordinator/a.ts', "import '../bench/run.ts';"],
    ['demo → cli', 'demo/a.ts', "import '../cli/testudo.ts';"],
    ['lab → cli', 'lab/a.ts', "import '../cli/testudo.ts';"],
    ['lab → demo', 'lab/a.ts', "import '../demo/run.ts';"],
    ['client → lab', 'client/a.ts', "import '../lab/rig.ts';"],
    ['client → relay', 'client/a.ts', "import '../relay/relay.ts';"],
    ['coordinator → relay', 'coordinator/a.ts', "import '../relay/relay.ts';"],
    ['coordinator → door', 'coordinator/a.ts', "import '../door/door.ts';"],
    ['a type-only import', 'client/a.ts', "import type { Round } from '../coordinator/round.ts';"],
    ['a type-only re-export', 'client/a.ts', "export type { Round } from '../coordinator/round.ts';"],
    ['an inline type import', 'client/a.ts', "import { type Round } from '../coordinator/round.ts';"],
    ['an import type expression', 'client/a.ts', "export type R = import('../coordinator/round.ts').Round;"],
    ['typeof import', 'client/a.ts', "let r: typeof import('../coordinator/round.ts');"],
    ['a dynamic import', 'client/a.ts', "export const load = () => import('../coordinator/round.ts');"],
    ['a template import', 'client/a.ts', 'export const load = () => import(`../coordinator/round.ts`);'],
    ['a computed import', 'client/a.ts', "export const load = (name: string) => import('./' + name);"],
    ['a worker', 'client/a.ts', "new Worker(new URL('../coordinator/round.ts', import.meta.url));"],
    ['a worker by a computed name', 'client/a.ts', `new Worker(new URL(\`./x.\${ending}\`, import.meta.url));`],
    ['a worker by our own name changed', 'client/a.ts', "new Worker(import.meta.url.replace('a.ts', 'b.ts'));"],
    ['import.meta.resolve', 'client/a.ts', "import.meta.resolve('../coordinator/round.ts');"],
    ['pages → the state', 'dashboard/a.ts', "import type { State } from '../coordinator/ledger/state/state.ts';"],
    ['pages → client, in TSX', 'dashboard/a.tsx', "import type { A } from '../client/a.ts';\nconst a = <b>{1}</b>;"],
    ['plain JavaScript', 'client/a.mjs', "import '../coordinator/round.ts';"],
    ['an unknown package import', 'client/a.ts', "import '#secret';"],
    ['gRPC in the rounds', 'coordinator/rounds/a.ts', "import { Metadata } from '@grpc/grpc-js';"],
    ['gRPC as a type in a track', 'client/tracks/a.ts', "import type { Client } from '@grpc/grpc-js';"],
    ['a socket in the mathematics', 'aggregation/a.ts', "import { connect } from 'node:net';"],
    ['test code in the product', 'client/a.ts', "import { fake } from './testing/fake.ts';"],
    ['a test suite in the product', 'client/a.ts', "import { suite } from './store-contract.ts';"],
    ['a path out of the checkout', 'client/a.ts', "import '../../elsewhere.ts';"],
    ['a module that does not parse', 'client/a.ts', 'export const = ;'],
  ])('refuses %s', (_name, file, source) => {
    plant(file, `${source}\n`);
    expect(beyondCircles().map((violation) => violation.file)).toEqual([file]);
  });

  it('lets data be named by a computed name', () => {
    plant('client/a.ts', `export const url = (name: string) => new URL(\`../data/\${name}.tsv\`, import.meta.url);\n`);
    expect(objections()).toEqual([]);
  });

  it('names the line', () => {
    plant('client/a.ts', "// One.\n\nimport type {\n  Round,\n} from '../coordinator/round.ts';\n");
    expect(objections()).toEqual(['client/a.ts:3']);
  });

  it('lets test code import test code, in its own direction', () => {
    plant('client/store-contract.ts', "import { fake } from './testing/fake.ts';\n");
    plant('client/testing/fake.ts', "import '../../base/fault.ts';\n");
    expect(objections()).toEqual([]);
    plant('client/testing/fake.ts', "import '../../coordinator/round.ts';\n");
    expect(objections()).toEqual(['client/testing/fake.ts:1']);
  });

  it('lets tests and benches import anything', () => {
    plant('client/a.test.ts', "import '../coordinator/round.ts';\n");
    plant('aggregation/krum.bench.ts', "import '../coordinator/round.ts';\n");
    expect(objections()).toEqual([]);
  });

  it('fails when it read no modules, so that it can never pass blind', () => {
    rmSync(join(root, 'client'), { recursive: true });
    expect(objections()).toEqual(['client:0']);
    for (const folder of [
      'base',
      'proto',
      'aggregation',
      'coordinator',
      'relay',
      'door',
      'dashboard',
      'lab',
      'cli',
      'demo',
    ])
      rmSync(join(root, folder), { recursive: true });
    expect(objections()).toHaveLength(12);
  });
});

/** Every way to name a module that the check has to follow. */
const namings = [
  ['an import', "import '%.ts';"],
  ['a type-only import', "import type { X } from '%.ts';"],
  ['an inline type import', "import { type X } from '%.ts';"],
  ['a re-export', "export * from '%.ts';"],
  ['an import type expression', "export type X = import('%.ts').X;"],
  ['a dynamic import', "export const load = () => import('%.ts');"],
  ['the URL of a worker', "new Worker(new URL('%.ts', import.meta.url));"],
  ['import.meta.resolve', "import.meta.resolve('%.ts');"],
] as const;

describe('circles', () => {
  it.each(namings)('are found between two files that name each other by %s', (_name, naming) => {
    plant('client/rounds/a.ts', "import './b.ts';\n");
    plant('client/rounds/b.ts', `${naming.replace('%', './a')}\n`);
    expect(read().circles).toEqual({ between: 0, inside: 1 });
    expect(objections()).toEqual(['client/rounds/a.ts:1', 'client/rounds/b.ts:1']);
  });

  it('are found between rooms whose files are in none', () => {
    plant('client/scoring/judge.ts', "import '../tracks/kind.ts';\n");
    plant('client/tracks/kind.ts', 'export {};\n');
    plant('client/tracks/other.ts', "import '../scoring/alert.ts';\n");
    plant('client/scoring/alert.ts', 'export {};\n');
    expect(read().circles).toEqual({ between: 1, inside: 0 });
    expect(objections()).toEqual(['client/scoring:1', 'client/tracks:1']);
  });

  it('are found between a file and the folder beside it, at any depth, and over any number of steps', () => {
    plant('client/a/b/engine.ts', "import './engine/x.ts';\n");
    plant('client/a/b/engine/x.ts', "import '../third.ts';\n");
    plant('client/a/b/third.ts', "import './engine.ts';\n");
    expect(read().circles).toEqual({ between: 0, inside: 1 });
    expect(objections()).toEqual(['client/a/b/engine:1', 'client/a/b/engine.ts:1', 'client/a/b/third.ts:1']);
  });

  it('are found between top folders, and in those that may import anything', () => {
    plant('cli/demo.ts', "import '../demo/run.ts';\n");
    plant('demo/back.ts', "import '../cli/testudo.ts';\n");
    const allowed = { ...law.allowed, demo: ['cli', 'lab'] };
    expect(objections({ allowed })).toEqual(['cli:1', 'demo:1']);
    rmSync(join(root, 'cli/demo.ts'));
    rmSync(join(root, 'demo/back.ts'));
    plant('bench/a.ts', "import './b.ts';\n");
    plant('bench/b.ts', "import './a.ts';\n");
    expect(objections({ readToo: ['bench'] })).toEqual(['bench/a.ts:1', 'bench/b.ts:1']);
  });

  it('do not count what only tests draw, and a module may name itself', () => {
    plant('client/rounds/a.ts', "import './b.ts';\nnew Worker(new URL('./a.ts', import.meta.url));\n");
    plant('client/rounds/b.ts', 'export {};\n');
    plant('client/rounds/b.test.ts', "import './a.ts';\n");
    plant('client/rounds/testing/rig.ts', "import '../a.ts';\n");
    plant('client/rounds/testing/other.ts', "import './rig.ts';\n");
    expect(read()).toMatchObject({ circles: { between: 0, inside: 0 }, violations: [] });
  });
});

describe('the order of rooms', () => {
  const order = { client: ['events', ['sources', 'tracks'], 'scoring'] };
  const rooms = { rooms: order };
  beforeEach(() => {
    plant('client/events/item.ts', 'export {};\n');
    plant('client/sources/read.ts', "import '../events/item.ts';\nimport './other.ts';\n");
    plant('client/sources/other.ts', 'export {};\n');
    plant('client/tracks/kind.ts', "import '../events/item.ts';\n");
    plant('client/scoring/judge.ts', "import '../events/item.ts';\nimport '../tracks/kind.ts';\n");
    plant('client/config.ts', "import './scoring/judge.ts';\nimport './train.ts';\n");
  });

  it('lets a room import itself and what stands before it, and files of the folder import any room', () => {
    expect(objections(rooms)).toEqual([]);
  });

  it.each([
    ['a room that stands later', 'client/events/a.ts', "import '../scoring/judge.ts';"],
    ['a room beside it', 'client/sources/a.ts', "import '../tracks/kind.ts';"],
    ['a file above the rooms', 'client/scoring/a.ts', "import type { Config } from '../config.ts';"],
    ['a worker of a later room', 'client/events/a.ts', "new URL('../scoring/judge.ts', import.meta.url);"],
  ])('refuses %s', (_name, file, source) => {
    plant(file, `\n${source}\n`);
    expect(beyondCircles(rooms).map((violation) => `${violation.file}:${violation.line}`)).toEqual([`${file}:2`]);
  });

  it('lets a listed file stand among the rooms, and holds it to its place', () => {
    plant('client/scoring/a.ts', "import '../config.ts';\n");
    plant('client/config.ts', "import './events/item.ts';\n");
    const withFile = { rooms: { client: ['events', 'config.ts', ['sources', 'tracks'], 'scoring'] } };
    expect(objections(withFile)).toEqual([]);
    plant('client/config.ts', "import './scoring/judge.ts';\n");
    expect(objections(withFile)).toContain('client/config.ts:1');
  });

  it('names a room without a place and a place without a room', () => {
    plant('client/new/a.ts', 'export {};\n');
    expect(objections(rooms)).toEqual(['client/new:0']);
    expect(objections({ rooms: { client: [...order.client, 'new', 'gone'] } })).toEqual([
      'tools/checks/arrows/house.ts:0',
    ]);
  });

  it('holds rooms of a deeper folder too', () => {
    plant('client/tracks/low/a.ts', "import '../high/b.ts';\n");
    plant('client/tracks/high/b.ts', 'export {};\n');
    expect(objections({ rooms: { 'client/tracks': ['low', 'high'] } })).toEqual(['client/tracks/low/a.ts:1']);
  });
});

describe('sizes', () => {
  const lines = (count: number) => '// A line.\n'.repeat(count);

  it('allow 20 sources in a folder on one level: tests, generated code and testing/ are not counted', () => {
    for (let i = 0; i < 20; i++) plant(`client/many/${i}.ts`, 'export {};\n');
    plant('client/many/x.test.ts', 'export {};\n');
    plant('client/many/testing/rig.ts', 'export {};\n');
    plant('client/many/deeper/a.ts', 'export {};\n');
    for (let i = 0; i < 21; i++) plant(`client/many/generated/${i}.ts`, 'export {};\n');
    expect(objections()).toEqual([]);
    plant('client/many/20.mjs', 'export {};\n');
    expect(objections()).toEqual(['client/many:0']);
  });

  it('allow 350 lines in a source file', () => {
    plant('client/long.ts', lines(350));
    plant('client/generated/longer.ts', lines(1_000));
    expect(objections()).toEqual([]);
    plant('client/long.ts', lines(351));
    expect(objections()).toEqual(['client/long.ts:351']);
  });

  it('hold the median to 100 lines', () => {
    for (let i = 0; i < 11; i++) plant(`client/${i}/a.ts`, lines(100));
    expect(read()).toMatchObject({ medianLines: 100, violations: [] });
    for (let i = 0; i < 11; i++) plant(`client/${i}/a.ts`, lines(101));
    expect(read().medianLines).toBe(101);
    expect(objections()).toEqual(['.:0']);
  });
});

describe('floors', () => {
  it('refuse a reading of too few modules, and a folder that is read too', () => {
    plant('client/b.ts', 'export {};\n');
    expect(objections({ modulesMin: { client: 2 } })).toEqual([]);
    expect(objections({ modulesMin: { client: 3 } })).toEqual(['client:0']);
    expect(objections({ readToo: ['bench'] })).toEqual(['bench:0']);
  });

  it('are set for every top folder of the house', () => {
    const { modules } = readArrows(checkout);
    expect(Object.keys(law.modulesMin).toSorted()).toEqual(Object.keys(modules).toSorted());
  });
});

describe('the list of what is known', () => {
  const none = planted.known;
  beforeEach(() => {
    plant('client/rounds/a.ts', "import './b.ts';\n");
    plant('client/rounds/b.ts', "import './a.ts';\n");
  });

  it('excuses what it lists and nothing beside it', () => {
    const inCircles = ['client/rounds/a.ts', 'client/rounds/b.ts'];
    expect(objections({ known: { ...none, inCircles } })).toEqual([]);
    expect(objections({ known: { ...none, inCircles: inCircles.slice(1) } })).toEqual(['client/rounds/a.ts:1']);
  });

  it('refuses an entry that nothing needs any more', () => {
    const inCircles = ['client/rounds/a.ts', 'client/rounds/b.ts', 'client/rounds/c.ts'];
    expect(objections({ known: { ...none, inCircles } })).toEqual(['tools/checks/arrows/known.ts:0']);
    expect(objections({ known: { inCircles: inCircles.slice(0, 2), upwards: ['a → b'], tooLarge: ['c'] } })).toEqual([
      'tools/checks/arrows/known.ts:0',
      'tools/checks/arrows/known.ts:0',
    ]);
  });

  it('excuses an import that goes up, and what is too large, by its name', () => {
    plant('client/rounds/b.ts', "import '../scoring/judge.ts';\n");
    plant('client/scoring/judge.ts', '// A line.\n'.repeat(351));
    const rooms = { client: ['rounds', 'scoring'] };
    const upwards = ['client/rounds → client/scoring'];
    expect(objections({ rooms, known: { ...none, upwards, tooLarge: ['client/scoring/judge.ts'] } })).toEqual([]);
    expect(objections({ rooms })).toEqual(['client/rounds/b.ts:1', 'client/scoring/judge.ts:351']);
  });
});

describe('mentionsIn', () => {
  it('is not fooled by comments, strings and regular expressions', () => {
    const source = [
      "const text = \"import '../a.ts'\"; // import '../b.ts'",
      "/* import type { X } from '../c.ts' */ const pattern = /import('x')/;",
      "import { real } from './real.ts';",
    ].join('\n');
    expect(mentionsIn(source, 'ts')).toEqual([{ specifier: './real.ts', line: 3 }]);
  });
});
