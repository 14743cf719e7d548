import { describe, expect, it, onTestFinished } from 'vitest';
import { type Result, unwrap } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import { newSigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { ClusterId, Digest } from '../../../proto/ids.ts';
import type { Catalogue, ReleaseTarget } from '../../../proto/release/documents/catalogue.ts';
import { openManifest, releaseFileNames } from '../../../proto/release/documents/manifest.ts';
import { makeLocalOperator } from '../../founding.ts';
import { TestAgent } from '../../testing/agent.ts';
import type { TestCluster } from '../../testing/cluster.ts';
import { environment, operator, policyDefault, TestFederation, track } from '../../testing/federation.ts';

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
      Buffer.from(signature.map((byte, at) => (at === 0 ? byte ^ 1 : byte))),
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

  it('reach an agent over a restart with a root made meanwhile: every set on the way verifies, from the first', async () => {
    const federation = await TestFederation.start();
    const member = await federation.enrol('a');
    const before = agentOf(federation, member);
    before.subscribe([track]);
    const { catalogue } = await before.until((set) => set.catalogue.releases.length > 0);
    await federation.coordinator.close();
    const pin = newSigningKeyPair();
    unwrap(await makeLocalOperator(federation.config, { name: 'ada', role: 'admin', address: '', pin }, environment));
    await federation.restart();
    const after = agentOf(federation, await federation.reconnect(member));
    after.trust = before.trust;
    after.subscribe([track], 1);
    const first = await after.until(() => true);
    expect(first).toMatchObject({ root: { version: 2 }, pins: { version: 1 } });
    expect(first.catalogue.version).toBeGreaterThan(catalogue.version);
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

  it('pass the gate by what canaries report, reach everyone, and are counted', async () => {
    const gate = 'gate: { clustersMin: 2, minutesMin: 0, scoredMin: 100, agreementMin: 0.9, hoursMax: 1 }';
    const federation = await TestFederation.start({ policy: `${policyDefault}\n${gate}` });
    const { registry, engine, addresses } = federation.coordinator;
    const members = await runRound(federation);
    for (const cluster of ['a', 'b'] as ClusterId[]) {
      unwrap(await registry.assign(operator, { track, channel: 'canary', subject: { cluster }, reason: 'test' }));
    }
    const [a, b, c] = members.map((member) => agentOf(federation, member)) as [TestAgent, TestAgent, TestAgent];
    for (const agent of [a, b, c]) agent.subscribe([track]);
    const isInFrontOfGate = ({ assignments, tracks }: Catalogue) =>
      assignments.length === 2 && tracks[track]?.channels.canary?.version === 1;
    const { catalogue } = await c.until((set) => isInFrontOfGate(set.catalogue));
    expect(catalogue.tracks[track]?.channels).toMatchObject({ stable: { version: 0 }, canary: { version: 1 } });
    expect(registry.resolved(track)).toMatchObject([
      { cluster: 'a', after: 0, shadowAfter: 1 },
      { cluster: 'b', after: 0, shadowAfter: 1 },
      { cluster: 'c', after: 0, shadowAfter: null },
    ]);

    const report = { track, version: 1, liveVersion: 0 };
    expect(codeOf(await a.reportShadow({ ...report, version: 0, scoredCount: 1, agreedCount: 1 }))).toBe('ok');
    expect(codeOf(await a.reportShadow({ ...report, version: 7 }))).toBe('VERSION_NOT_FOUND');
    unwrap(await c.reportShadow(report)); // No canary: it does not count.
    unwrap(await a.reportShadow(report));
    expect(registry.gate(track, 1)).toMatchObject({ now: { verdict: 'waiting' }, approvalsNeeded: 1 });
    unwrap(await b.reportShadow(report));
    for (const agent of [a, b, c]) {
      await agent.until(({ catalogue }) => catalogue.tracks[track]?.channels.stable?.version === 1);
    }
    const manifestDigest = registry.release(track, 1)?.manifestDigest as Digest;
    unwrap(await c.acknowledge({ track, version: 1, manifestDigest }));
    unwrap(await b.acknowledge({ track, version: 1, manifestDigest, outcome: 'refused', faultCode: 'FILE_DIGEST' }));
    expect(engine.state().agents.get('b/syscall')).toMatchObject({ refused: { version: 1, faultCode: 'FILE_DIGEST' } });

    const metrics = await (await fetch(`http://${addresses.health}/metrics`)).text();
    for (const line of [
      'testudo_releases_total 2',
      'testudo_gate_decisions_total{decision="promote"} 1',
      'testudo_channel_moves_total{channel="stable"} 2',
      'testudo_release_agents{standing="stable"} 1',
      'testudo_release_acknowledgements_total{outcome="refused"} 1',
      'testudo_release_streams 3',
    ]) {
      expect(metrics).toContain(`\n${line}\n`);
    }
  });

  it('end with the membership of the cluster, and its word with its quarantine', async () => {
    const federation = await TestFederation.start();
    const agent = agentOf(federation, await federation.enrol('a'));
    agent.subscribe([track]);
    const { catalogue } = await agent.until((set) => set.catalogue.releases.length > 0);
    const { membership } = federation.coordinator;
    const [target] = catalogue.releases as [ReleaseTarget];
    const report = { track, version: 0, manifestDigest: target.manifest.digest };
    unwrap(await membership.setQuarantine(operator, { cluster: 'a' as ClusterId, quarantined: true, reason: 'test' }));
    expect(codeOf(await agent.acknowledge(report))).toBe('CLUSTER_QUARANTINED');
    unwrap(await membership.revokeCluster(operator, 'a' as ClusterId, 'test'));
    expect(await agent.streamFault).toBe('CLUSTER_REVOKED');
    expect(codeOf(await agent.fetch(target.manifest.digest))).toBe('CLUSTER_REVOKED');
  });
});
