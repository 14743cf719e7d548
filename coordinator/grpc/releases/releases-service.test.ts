import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf } from '../../../proto/digest.ts';
import { type Result, unwrap } from '../../../proto/fault.ts';
import type { Digest } from '../../../proto/ids.ts';
import { openManifest, releaseFileNames } from '../../../proto/release/manifest.ts';
import { TestAgent } from '../../testing/agent.ts';
import type { TestCluster } from '../../testing/cluster.ts';
import { TestFederation, track } from '../../testing/federation.ts';

const codeOf = (result: Result<unknown>) => (result.ok ? 'ok' : result.fault.code);

function agentOf(federation: TestFederation, member: TestCluster): TestAgent {
  const agent = new TestAgent(member, federation.coordinator);
  onTestFinished(() => agent.close());
  return agent;
}

/** A round of three clusters that ends in a candidate. */
async function runRound(federation: TestFederation, names = ['a', 'b', 'c']): Promise<readonly TestCluster[]> {
  const members = await federation.round(names);
  for (const member of members) unwrap(await member.submit(new Float32Array(1000).fill(0.25)));
  return members;
}

describe('releases over mTLS', () => {
  it('go from a candidate to every agent: a set that verifies, files by digest, a signed report', async () => {
    const federation = await TestFederation.start();
    const members = await runRound(federation);
    const [member] = members as [TestCluster];
    const agent = agentOf(federation, member);
    agent.subscribe([track]);
    const { catalogue, root, pins } = await agent.until(
      (set) => set.catalogue.tracks[track]?.channels.stable?.version === 1,
    );
    expect(root).toMatchObject({ federation: 'herd', version: 1 });
    expect(pins.pins).toEqual([]);
    expect(catalogue.releases.map(({ version }) => version)).toEqual([0, 1]);

    const target = catalogue.releases[1] as (typeof catalogue.releases)[number];
    const bytes = unwrap(await agent.fetch(target.manifest.digest));
    const manifest = unwrap(openManifest(bytes, target, federation.coordinator.engine.federation));
    expect(manifest).toMatchObject({ version: 1, round: 'r-1', base: { version: 0 } });
    expect(manifest.files.map(({ name }) => name)).toEqual([
      releaseFileNames.provenance,
      releaseFileNames.spec,
      releaseFileNames.weights,
    ]);
    for (const file of manifest.files) {
      const whole = unwrap(await agent.fetch(file.digest));
      expect([digestOf(whole), whole.byteLength]).toEqual([file.digest, file.bytes]);
      const rest = unwrap(await agent.fetch(file.digest, 10));
      expect(rest.equals(whole.subarray(10))).toBe(true);
    }

    const report = { track, version: 1, manifestDigest: target.manifest.digest };
    const sequence = unwrap(await agent.acknowledge(report));
    expect(unwrap(await agent.acknowledge(report))).toBe(sequence);
    expect([...federation.coordinator.engine.state().agents.values()]).toMatchObject([
      { cluster: 'a', track, liveVersion: 1, sequence },
    ]);
    const forged = await agent.acknowledge({ ...report, outcome: 'kept' }, (signature) =>
      Buffer.from(signature).fill(7, 0, 1),
    );
    expect(codeOf(forged)).toBe('SIGNATURE_INVALID');
    expect(codeOf(await agent.acknowledge({ ...report, manifestDigest: digestOf(Buffer.from('x')) }))).toBe(
      'DIGEST_MISMATCH',
    );
  });

  it('give no blob that is no file of a release, and no byte beyond an end', async () => {
    const federation = await TestFederation.start();
    const agent = agentOf(federation, await federation.enrol('a'));
    const { blobs } = federation.coordinator.engine;
    const secret = unwrap(await blobs.put(Buffer.from('a sealed update')));
    for (const digest of [secret, 'sha256:../../journal.sqlite' as Digest]) {
      expect(codeOf(await agent.fetch(digest))).toBe('MODEL_UNKNOWN');
    }
    agent.subscribe([track]);
    const { catalogue } = await agent.until(({ catalogue }) => catalogue.releases.length > 0);
    const { digest, bytes } = (catalogue.releases[0] as (typeof catalogue.releases)[number]).manifest;
    expect(unwrap(await agent.fetch(digest, bytes)).byteLength).toBe(0);
    expect(codeOf(await agent.fetch(digest, bytes + 1))).toBe('OFFSET_BEYOND_END');
  });

  it('reach an agent after a restart without a new version of what did not change', async () => {
    const federation = await TestFederation.start();
    await federation.coordinator.registry.settled();
    const before = federation.coordinator.registry.signedSet();
    const member = await federation.enrol('a');
    await federation.restart();
    const again = await federation.reconnect(member);
    const agent = agentOf(federation, again);
    agent.subscribe([track]);
    const { catalogue } = await agent.until(() => true);
    expect(catalogue.version).toBe(before?.catalogue.version);
    expect(federation.coordinator.registry.signedSet()?.catalogue.digest).toBe(before?.catalogue.digest);
  });

  it('come on one stream for each cluster, the newest', async () => {
    const federation = await TestFederation.start();
    const member = await federation.enrol('a');
    const [first, second] = [agentOf(federation, member), agentOf(federation, member)];
    first.subscribe([track]);
    await first.until(() => true);
    second.subscribe([track], 1);
    expect(await first.streamFault).toBe('STREAM_REPLACED');
    const bad = agentOf(federation, await federation.enrol('b'));
    bad.subscribe(['NOT A TRACK']);
    expect(await bad.streamFault).toBe('REQUEST_INVALID');
  });
});
