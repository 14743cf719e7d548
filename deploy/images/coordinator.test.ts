import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imagesForTests } from './testing/built.ts';
import { ContainerHost } from './testing/container.ts';

const host = new ContainerHost();
let built: Awaited<ReturnType<typeof imagesForTests<'coordinator'>>>;
beforeAll(async () => {
  built = await imagesForTests(['coordinator']);
});
afterAll(async () => {
  await host.close();
  await built?.close();
});

describe('the coordinator image under crun', () => {
  it('offers its own verbs and no others', async () => {
    const { ended } = await host.start(built.images.coordinator, ['--help']);
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}worker /m);
    expect(stdout).not.toMatch(/^ {2}(?:demo|client|record) /m);
  });

  it('makes a federation in its data folder', async () => {
    const data = await host.data();
    const binds = [{ from: data, to: '/data' }];
    const { ended } = await host.start(built.images.coordinator, ['coordinator', 'init', '/data/herd'], { binds });
    const { code, stdout, stderr } = await ended;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('made /data/herd/coordinator.yaml');
    expect(await readdir(join(data, 'herd'))).toEqual(
      expect.arrayContaining(['coordinator.yaml', 'data', 'master.key', 'operator.json']),
    );
    expect(await readFile(join(data, 'herd', 'master.key'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  });

  it('multiplies with native TensorFlow', async () => {
    const code =
      "const { tf } = await import('/app/base/tensorflow.js'); console.log(tf.getBackend(), (await tf.matMul([[1, 2]], [[3], [4]]).data())[0]);";
    const program = ['/usr/local/bin/node', '--input-type=module', '--eval'];
    const { ended } = await host.start(built.images.coordinator, [code], { program, memoryMiB: 1_024 });
    expect((await ended).stdout).toBe('tensorflow 11\n');
  });
});
