import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import { digestOf } from '../../../../proto/digest.ts';
import { bytesOfValues } from '../../../../proto/layout.ts';
import { loadFlowModel } from '../../flow/flow-model-folder.ts';
import { jsonBytes, writeModelFiles } from '../../model-files.ts';
import { gramTableSpec, initialGramTable } from '../gram-table/gram-table.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { loadModelFolder } from './model-folder.ts';

/** A model folder that nobody honest wrote: what `testudo score` and an agent without its coordinator are given to read. */
const spec = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 10);
const weights = bytesOfValues(initialGramTable(spec));
const local = { slots: 1_024, calibrations: [], profiles: [] };

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-hostile-folder-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

type Files = Readonly<Record<string, Uint8Array>>;

/** Every file with its true digest: whoever can write one can write the other. */
async function written(files: Files): Promise<string> {
  const path = join(folder, 'model');
  const whole = { 'spec.json': jsonBytes(spec), 'weights.bin': weights, ...files };
  await writeModelFiles(path, new Map(Object.entries(whole)));
  return path;
}

it('an honest one is read', async () => {
  const model = unwrap(await loadModelFolder(await written({ 'clusters/here.json': jsonBytes(local) })));
  expect([...model.clusters.keys()]).toEqual(['here']);
});

const specOf = (over: object) => ({ 'spec.json': jsonBytes({ ...spec, ...over }) });
const hidden = (over: object) => ({ 'clusters/here.json': jsonBytes({ ...local, ...over }) });
const files: readonly [string, string, Files][] = [
  ['a spec that is no JSON', 'MODEL_DAMAGED', { 'spec.json': Buffer.from('{') }],
  ['a spec of brackets', 'MODEL_DAMAGED', { 'spec.json': Buffer.alloc(200_000, '[') }],
  ['a spec of two megabytes', 'MODEL_DAMAGED', { 'spec.json': Buffer.alloc(2_000_000, ' ') }],
  ['a shape of 2^60 values', 'MODEL_DAMAGED', specOf({ tensors: [{ name: 'evidence', shape: [2 ** 30, 2 ** 30] }] })],
  ['a dimension below nothing', 'MODEL_DAMAGED', specOf({ tensors: [{ name: 'evidence', shape: [-1] }] })],
  ['a shape that is a text', 'MODEL_DAMAGED', specOf({ tensors: [{ name: 'evidence', shape: '1024' }] })],
  ['an architecture of a stranger', 'MODEL_UNKNOWN', specOf({ architecture: 'evil/1' })],
  ['an architecture that every object has', 'MODEL_UNKNOWN', specOf({ architecture: 'constructor' })],
  ['weights that are a value short', 'MODEL_DAMAGED', { 'weights.bin': weights.subarray(4) }],
  ['no weights', 'MODEL_DAMAGED', { 'weights.bin': new Uint8Array(0) }],
  ['a cluster of 2^40 slots', 'MODEL_DAMAGED', hidden({ slots: 2 ** 40 })],
  ['a cluster without slots', 'MODEL_DAMAGED', hidden({ slots: null })],
  ['a cluster that is null', 'MODEL_DAMAGED', { 'clusters/here.json': Buffer.from('null') }],
  ['calibrations that are no list', 'MODEL_DAMAGED', hidden({ calibrations: 7 })],
  ['profiles that are no profiles', 'MODEL_DAMAGED', hidden({ profiles: [{ class: 'nginx', profiles: [7] }] })],
  [
    'evidence beyond its table',
    'MODEL_DAMAGED',
    { ...hidden({}), 'clusters/here.bin': Buffer.from(Uint32Array.of(2 ** 31, 0).buffer) },
  ],
];
it.each(files)('%s is refused by code', async (_, code, hostile) => {
  expect(await loadModelFolder(await written(hostile))).toMatchObject({ fault: { code } });
});

it('both tracks read a spec by one rule', async () => {
  const path = await written({ 'spec.json': Buffer.from('{') });
  expect(await loadFlowModel(path)).toMatchObject({ fault: { code: 'MODEL_DAMAGED' } });
});

it.each(['../../etc/passwd', '/etc/passwd', 'clusters/../../x', '.', 'a/b/c', '__proto__/x'])(
  'a manifest that names %s is refused',
  async (name) => {
    const path = await written({});
    const digest = digestOf(Buffer.from(''));
    await writeFile(join(path, 'manifest.json'), jsonBytes({ format: 'testudo-model/1', files: { [name]: digest } }));
    expect(await loadModelFolder(path)).toMatchObject({ fault: { code: 'MODEL_DAMAGED' } });
  },
);

it.each(['null', '[]', '{"format":"testudo-model/1","files":null}', '{"format":"testudo-model/1","files":"x"}', '{'])(
  'a manifest that is %s is refused',
  async (text) => {
    const path = await written({});
    await writeFile(join(path, 'manifest.json'), text);
    expect(await loadModelFolder(path)).toMatchObject({ fault: { code: expect.stringMatching(/^MODEL_/) } });
  },
);

it('a file that is a device without end, a link or a folder is not read', async () => {
  for (const target of ['/dev/zero', join(folder, 'elsewhere')]) {
    const path = await written({});
    await rm(join(path, 'weights.bin'));
    await symlink(target, join(path, 'weights.bin'));
    expect(await loadModelFolder(path)).toMatchObject({ fault: { code: 'MODEL_UNREADABLE' } });
  }
  const path = await written({});
  await rm(join(path, 'weights.bin'));
  await mkdir(join(path, 'weights.bin'));
  expect(await loadModelFolder(path)).toMatchObject({ fault: { code: 'MODEL_UNREADABLE' } });
  expect((await readFile(join(path, 'spec.json'))).length).toBeGreaterThan(2);
});
