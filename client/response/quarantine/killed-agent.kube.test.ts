import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { enforcing, quarantineGround } from '../../../tools/testing/kube/quarantine-ground.ts';
import { verifyChain } from '../evidence/chain.ts';
import { loadMemory } from './memory.ts';

const testudo = fileURLToPath(new URL('../../../cli/testudo.ts', import.meta.url));

/** Where the agent dies in its first run; the second one finds what is left. */
const deaths = ['evidence-written', 'quarantine-begun', 'pod-patched'] as const;

describe('an agent that is killed while it quarantines', { timeout: 600_000 }, () => {
  it('leaves a pod that is in quarantine or one that is not, and the next run ends what was begun, once', async () => {
    const kubectl = new Kubectl();
    const ample = { hour: 10, day: 10 };
    const budgets = { workload: ample, namespace: ample, cluster: ample };
    const ground = await quarantineGround(
      kubectl,
      enforcing({ budgets, breaker: { withinMs: 60_000, workloadsMax: 9, podShareMax: 1 } }),
    );
    const run = (environment: NodeJS.ProcessEnv) => {
      const words = ground.settings('one').flatMap((setting) => ['--set', setting]);
      const short = ['lease.durationSeconds=3', 'lease.renewWithinSeconds=2'].flatMap((setting) => ['--set', setting]);
      const args = ['--disable-warning=ExperimentalWarning', testudo, 'agent', 'run', ...words, ...short];
      return spawn(process.execPath, args, { stdio: 'ignore', env: { ...process.env, ...environment } });
    };
    const folder = join(ground.folder, 'one');
    const state = async (name: string) => {
      const pod = await ground.podOf(name);
      const { labels = {}, annotations = {} } = pod?.metadata ?? {};
      return { labels, annotations, isMarked: labels['testudo.io/quarantined'] === 'true' };
    };
    /** All of a quarantine, or nothing of it. */
    const isWhole = ({ labels, annotations, isMarked }: Awaited<ReturnType<typeof state>>) =>
      isMarked
        ? Object.keys(labels).length === 1 && annotations['testudo.io/evidence']?.startsWith('sha256:') === true
        : labels.app === 'web' && Object.keys(annotations).every((key) => !key.startsWith('testudo.io/'));

    for (const [count, death] of deaths.entries()) {
      const suspect = (await ground.ready(3))[0]?.metadata.name ?? '';
      const dying = run({ TESTUDO_FAILPOINT: death });
      await ground.alert(suspect);
      const [, signal] = await once(dying, 'exit');
      expect(signal, death).toBe('SIGKILL');
      const left = await state(suspect);
      expect(isWhole(left), `${death}: ${JSON.stringify(left)}`).toBe(true);
      expect(left.isMarked).toBe(death === 'pod-patched');

      const next = run({});
      try {
        await ground.until(async () => (await state(suspect)).isMarked);
        await ground.until(async () => (await loadMemory(join(folder, 'response.json'))).begun.length === 0);
      } finally {
        next.kill('SIGTERM');
        await once(next, 'exit');
      }
      const after = await state(suspect);
      expect(isWhole(after)).toBe(true);
      const { spent } = await loadMemory(join(folder, 'response.json'));
      expect(spent).toHaveLength(count + 1); // Once for each pod, however often it was begun.
      const anchors = [after.annotations['testudo.io/evidence'] ?? ''];
      expect((await verifyChain(join(folder, 'evidence'), { anchors })).problems).toEqual([]);
    }
    const marked = (await ground.pods()).filter(({ metadata }) => metadata.labels['testudo.io/quarantined'] === 'true');
    expect(marked).toHaveLength(deaths.length);
    await ground.ready(3);
  });
});
