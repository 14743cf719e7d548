import { describe, expect, it, onTestFinished } from 'vitest';
import { ok, unwrap } from '../../base/fault.ts';
import { seededRandom } from '../../base/random.ts';
import type { ClassName, ClusterId } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { Provenance } from '../candidate/provenance.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import { type Invitation, sealDelta } from '../testing/sealed-delta.ts';
import { submit } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, policy, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';

const names = ['nginx', 'redis', 'sshd'];
const spec: ModelSpec = {
  architecture: 'test-table/1',
  hyperparameters: { blocksByClass: true, tableNorm: 4 },
  tensors: names.map((name) => ({ name: `evidence/${name}`, shape: [16] })),
};

/** A table of counts in the blocks of these classes, of norm 4. */
function tableOf(classes: readonly string[], seed: number): Float32Array {
  const random = seededRandom(seed);
  const table = new Float32Array(48);
  for (const name of classes) {
    const offset = names.indexOf(name) * 16;
    for (let slot = 0; slot < 16; slot++) if (random() < 0.5) table[offset + slot] = 1 + random();
  }
  const norm = Math.hypot(...table);
  return table.map((value) => (value * 4) / norm);
}

describe('a round of tables with declared classes', () => {
  const otherOf = (cluster: ClusterId) => (cluster === clusters[0] ? 'sshd' : 'redis');
  type Sent = Readonly<{ classes: readonly string[]; change?: (table: Float32Array) => Float32Array }>;

  /** Each cluster was approved for nginx and one other. Answers what submitting gave, by cluster. */
  async function federation(sent: (cluster: ClusterId, round: string) => Sent) {
    const engine = await openSmallFederation(tempDir(), {
      spec,
      labels: (cluster) => ({ 'class-nginx': 'yes', [`class-${otherOf(cluster)}`]: 'yes', region: 'north' }),
      policy: { ...policy, optimiser: { kind: 'plain', learningRate: 1 } },
    });
    onTestFinished(() => engine.close());
    const codes = new Map<ClusterId, string>();
    const invitations = new Map<ClusterId, Invitation>();
    const answer = async (cluster: ClusterId, invitation: Invitation) => {
      invitations.set(cluster, invitation);
      const bytes = unwrap(await engine.blobs.get(invitation.base.digest));
      const base = new Float32Array(Uint8Array.from(bytes).buffer);
      const { classes, change = (table) => table } = sent(cluster, invitation.round);
      const table = change(tableOf(classes, 100 * cluster.charCodeAt(8) + Number(invitation.round.slice(2))));
      const delta = table.map((value, slot) => value - (base[slot] as number));
      const answered = await submit(engine, await sealDelta(invitation, cluster, delta, undefined, classes));
      codes.set(cluster, answered.ok ? 'ok' : answered.fault.code);
    };
    for (const cluster of clusters) {
      engine.join(cluster, [track], (directive) => {
        if (directive.kind === 'invitation') void answer(cluster, directive);
      });
    }
    const provenanceOf = async (round: string) => {
      unwrap(await engine.openRound(operator, { track, reason: 'test' }));
      const { phase } = await roundEnd(engine, round);
      if (phase.kind !== 'candidate') throw new Error(`${round} is ${phase.kind}`);
      return JSON.parse(Buffer.from(unwrap(await engine.blobs.get(phase.provenance))).toString()) as Provenance;
    };
    return { engine, codes, invitations, provenanceOf };
  }

  it('refuses declarations beyond the labels of a cluster, and none at all', async () => {
    const { engine, codes, invitations } = await federation((cluster) => ({
      classes: cluster === clusters[0] ? ['redis'] : cluster === clusters[1] ? [] : ['nginx'],
    }));
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    await expect.poll(() => codes.size).toBe(clusters.length);
    expect(clusters.map((cluster) => codes.get(cluster))).toEqual([
      'CLASS_NOT_APPROVED',
      'CLASS_NOT_DECLARED',
      'ok',
      'ok',
      'ok',
    ]);
    expect(invitations.get(clusters[0] as ClusterId)?.approvedClasses).toEqual(['nginx', 'sshd']);
    expect(invitations.get(clusters[2] as ClusterId)?.approvedClasses).toEqual(['nginx', 'redis']);
  });

  it('go by what was approved last, and leave other labels as they were', async () => {
    const { engine, codes, invitations } = await federation(() => ({ classes: ['redis'] }));
    const [first, second] = [clusters[0] as ClusterId, clusters[1] as ClusterId];
    const approve = (cluster: ClusterId, classes: readonly string[]): JournalEvent => ({
      ...{ kind: 'classesApproved', cluster, reason: 'test' },
      classes: classes as readonly ClassName[],
    });
    const events = [approve(first, ['nginx', 'redis']), approve(second, [])];
    unwrap(await engine.commit(operator, () => ok({ events, value: undefined })));
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    await expect.poll(() => codes.size).toBe(clusters.length);
    expect([codes.get(first), codes.get(second)]).toEqual(['ok', 'CLASS_NOT_APPROVED']); // As enrolled: the other way round.
    expect(invitations.get(first)?.approvedClasses).toEqual(['nginx', 'redis']);
    expect(engine.state().clusters.get(first)?.labels).toEqual({
      'class-nginx': 'yes',
      'class-redis': 'yes',
      region: 'north',
    });
    expect(engine.state().clusters.get(second)?.labels).toEqual({ region: 'north' });
  });

  it('stand in the provenance of what was made of them', async () => {
    const { provenanceOf } = await federation((cluster) => ({ classes: ['nginx', otherOf(cluster)] }));
    const { updates } = await provenanceOf('r-1');
    expect(updates.find(({ cluster }) => cluster === clusters[0])?.classes).toEqual(['nginx', 'sshd']);
    expect(updates.find(({ cluster }) => cluster === clusters[4])?.classes).toEqual(['nginx', 'redis']);
  });
});
