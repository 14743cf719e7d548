import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readArrows } from './arrows.ts';
import { mentionsIn } from './imports.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'testudo-arrows-'));
  plant('base/fault.ts', "export const fault = 'F';\n");
  plant('proto/ids.ts', "export { fault } from '../base/fault.ts';\n");
  plant('demo/run.ts', "import '../cli/testudo.ts';\n");
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

const objections = () => readArrows(root).violations.map(({ file, line }) => `${file}:${line}`);

describe('readArrows', () => {
  it('accepts every arrow of the architecture, and counts what it read', () => {
    expect(readArrows(root)).toEqual({
      modules: { base: 1, proto: 1, aggregation: 1, coordinator: 1, client: 1, cli: 1, demo: 1 },
      arrowsFollowed: 10,
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
    ['a type-only import', 'client/a.ts', "import type { Round } from '../coordinator/round.ts';"],
    ['a type-only re-export', 'client/a.ts', "export type { Round } from '../coordinator/round.ts';"],
    ['an inline type import', 'client/a.ts', "import { type Round } from '../coordinator/round.ts';"],
    ['an import type expression', 'client/a.ts', "export type R = import('../coordinator/round.ts').Round;"],
    ['typeof import', 'client/a.ts', "let r: typeof import('../coordinator/round.ts');"],
    ['a dynamic import', 'client/a.ts', "export const load = () => import('../coordinator/round.ts');"],
    ['a template import', 'client/a.ts', 'export const load = () => import(`../coordinator/round.ts`);'],
    ['a computed import', 'client/a.ts', "export const load = (name: string) => import('./' + name);"],
    ['a worker', 'client/a.ts', "new Worker(new URL('../coordinator/round.ts', import.meta.url));"],
    ['import.meta.resolve', 'client/a.ts', "import.meta.resolve('../coordinator/round.ts');"],
    ['plain JavaScript', 'client/a.mjs', "import '../coordinator/round.ts';"],
    ['an unknown package import', 'client/a.ts', "import '#secret';"],
    ['a socket in the mathematics', 'aggregation/a.ts', "import { connect } from 'node:net';"],
    ['test code in the product', 'client/a.ts', "import { fake } from './testing/fake.ts';"],
    ['a test suite in the product', 'client/a.ts', "import { suite } from './store-contract.ts';"],
    ['a path out of the checkout', 'client/a.ts', "import '../../elsewhere.ts';"],
    ['a module that does not parse', 'client/a.ts', 'export const = ;'],
  ])('refuses %s', (_name, file, source) => {
    plant(file, `${source}\n`);
    const found = readArrows(root).violations.map((violation) => violation.file);
    expect(found).toEqual([file]);
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
    for (const folder of ['base', 'proto', 'aggregation', 'coordinator', 'cli', 'demo'])
      rmSync(join(root, folder), { recursive: true });
    expect(objections()).toHaveLength(8);
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
