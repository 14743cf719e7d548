import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { digestOf } from '../../proto/digest.ts';
import { gramTableSpec } from '../tracks/syscall/gram-table/gram-table.ts';
import { WorkloadClasses } from '../tracks/syscall/traces/workload-classes.ts';
import { UnsignedModels, type UnsignedModelsParts } from './unsigned-models.ts';

const offered = {
  version: 3,
  digest: digestOf(Buffer.from('weights')),
  spec: gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 12),
};
let dataDirectory: string;
let installed: number[];
let troubles: string[];

beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'testudo-unsigned-'));
  onTestFinished(() => rmSync(dataDirectory, { recursive: true }));
  installed = [];
  troubles = [];
});

function open(over: Partial<UnsignedModelsParts> = {}): UnsignedModels {
  return new UnsignedModels({
    dataDirectory,
    models: { path: (digest) => digest },
    install: async ({ version }, isWanted) => void (isWanted() && installed.push(version)),
    trouble: (cause) => troubles.push(cause),
    ...over,
  });
}

describe('UnsignedModels', () => {
  it('installs the newest base once it is known that no releases are served, and again after a restart', async () => {
    const models = open();
    models.offer({ ...offered, version: 2 });
    models.offer(offered);
    models.unserved();
    await models.close();
    expect(installed).toEqual([3]);
    await open().restore();
    expect(installed).toEqual([3, 3]);
  });

  it('installs nothing once metadata is trusted, not even what was being remembered then', async () => {
    const models = open();
    models.offer(offered);
    models.unserved();
    await Promise.resolve(); // It has begun, and its file is not written before this turn ends.
    models.superseded();
    await models.close();
    models.offer(offered);
    models.unserved();
    await models.close();
    expect(installed).toEqual([]);
  });

  it('wants no model that is still loaded when metadata is trusted', async () => {
    const [loading, loaded] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const models = open({
      install: async ({ version }, isWanted) => {
        loading.resolve();
        await loaded.promise;
        if (isWanted()) installed.push(version);
      },
    });
    models.offer(offered);
    models.unserved();
    await loading.promise;
    models.superseded();
    loaded.resolve();
    await models.close();
    expect(installed).toEqual([]);
  });

  it('runs a model that a disk does not let it remember, and says so', async () => {
    writeFileSync(join(dataDirectory, 'file'), '');
    const models = open({ dataDirectory: join(dataDirectory, 'file') });
    models.offer(offered);
    models.unserved();
    await models.close();
    expect([installed, troubles]).toEqual([[3], [expect.stringContaining('EEXIST')]]);
  });
});
