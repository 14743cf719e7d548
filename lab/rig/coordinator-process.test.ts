import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { foundCoordinator, listenAnywhere, startCoordinatorProcess } from './coordinator-process.ts';
import { connectOperator } from './operator.ts';

const testudo = fileURLToPath(new URL('../../cli/testudo.ts', import.meta.url));

describe('a coordinator process of the lab', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'testudo-rig-'));
    await foundCoordinator(testudo, join(folder, 'coordinator'), { listen: listenAnywhere });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const start = () =>
    startCoordinatorProcess({
      testudo,
      config: join(folder, 'coordinator', 'coordinator.yaml'),
      logFile: join(folder, 'coordinator.log'),
    });

  it('says where it listens, serves its operator there, and does so again after a restart', async () => {
    const credentials = unwrap(await readCredentials(join(folder, 'coordinator', 'operator.json')));
    const pids = new Set<number>();
    for (const _ of ['first', 'second']) {
      const { member, addresses } = await start();
      pids.add(member.pid);
      const operator = connectOperator(credentials, addresses.federation);
      const { clusters } = await operator.call(operator.client.listClusters, { page: { size: 10, token: '' } });
      expect(clusters).toEqual([]);
      operator.close();
      await member.stop(600_000); // As long as a busy machine takes: who is killed says nothing.
      expect(member.exitCode()).toBe(0);
    }
    expect(pids.size).toBe(2);
  });

  it('throws what the process said when it cannot start', async () => {
    const config = join(folder, 'nowhere.yaml');
    const started = startCoordinatorProcess({ testudo, config, logFile: join(folder, 'nowhere.log') });
    await expect(started).rejects.toThrow(/ended by itself.*nowhere\.yaml/s);
  });

  it('is ended where nobody waits for it any longer, before it is ready', async () => {
    const [config, logFile] = [join(folder, 'coordinator', 'coordinator.yaml'), join(folder, 'unawaited.log')];
    const asked = new AbortController();
    const pids: number[] = [];
    const onStarted = async (pid: number) => {
      pids.push(pid);
      asked.abort(new Error('enough'));
    };
    const started = startCoordinatorProcess({ testudo, config, logFile, onStarted, signal: asked.signal });
    await expect(started).rejects.toThrow('enough');
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(pids).toHaveLength(1);
    expect(readFileSync(logFile, 'utf8')).not.toContain('coordinator ready');
  });
});
