import { describe, expect, it } from 'vitest';
import { attacks } from '../../aggregation/attacks/attacks.ts';
import { unwrap } from '../../base/fault.ts';
import { isBenign, type Trace } from '../../client/events/trace.ts';
import { classTableSpec, trainClassTable } from '../../client/tracks/syscall/gram-table/class-table.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { track } from '../../coordinator/testing/federation.ts';
import { mayBeInSample } from '../../lab/data/recorded-sample.ts';
import { readAll, recordedPath } from '../../lab/data/recorded-traces.ts';
import { sampleReaderUrl } from '../processes/coordinator/sample-reader-worker.ts';
import { CommandLine } from '../testing/command-line.ts';

const classes = ['nginx', 'redis'];
const spec = classTableSpec(new WorkloadClasses([...classes, 'sshd']));
const names = ['a', 'b', 'c', 'd', 'e'];
const policy = `
aggregation: { f: 1, before: [], rule: { kind: declaredHolders, penalty: 1.4 } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 5 }, collectForMs: 60000 }
keepInputs: { rounds: 1, hours: 24 }
`;

const traces = (await readAll(recordedPath)).filter(({ service }) => classes.includes(service));

/** Everyone learns a part of the normal traces; the first has attacks on nginx, of contents that no sample holds, for its own. */
function tracesOf(name: string): Trace[] {
  if (name === 'a') return traces.filter((t) => t.service === 'nginx' && !isBenign(t) && !mayBeInSample(t));
  return traces.filter((t, at) => t.split === 'train' && isBenign(t) && at % names.length === names.indexOf(name));
}

function federationWithLiar(modelSpec = spec): Promise<CommandLine> {
  const labels = Object.fromEntries(classes.map((name) => [`class-${name}`, 'yes']));
  return CommandLine.start({ spec: modelSpec, policy, labels, sampleReader: sampleReaderUrl });
}

describe('a federation with a trusted sample, over mutual TLS', () => {
  it('is given the sample, says what its policy withstands, and explains the weight of a liar', async () => {
    const line = await federationWithLiar();
    const { federation } = line;
    const put = await line.run('tracks', 'sample', 'put', 'syscall', '--reason', 'the recorded set');
    expect(put).toMatchObject({ code: 0, out: expect.stringMatching(/sample 1 of syscall: \d+ bytes/) });
    expect(put.out).toMatch(/nginx +10 +10\n/);

    const members = await federation.round(names);
    const checked = await line.run('policy', 'check', 'syscall');
    expect(checked.out).toMatch(/f +1, 20 % of them; at most 4 with this rule/);
    expect(checked.out).toMatch(/nginx +5 +yes +1 +the sample finds out up to 1 that lie/);
    expect(checked.out).toMatch(/sshd +0 +yes +0 +nobody may declare it/);

    const feared = await line.run('policy', 'check', 'syscall', '--liars', '60');
    expect(feared.out).toContain('f = 1 is too small for 60 % liars, 3 of 5 clusters, which need 3: set f to 3\n');
    expect((await line.run('policy', 'check', 'syscall', '--liars', '20')).out).not.toContain('too small');
    expect(await line.run('policy', 'check', 'syscall', '--liars', 'many')).toMatchObject({ code: 2 });

    for (const [at, member] of members.entries()) {
      const { weights, classes: learnt } = trainClassTable(spec, tracesOf(names[at] as string));
      const beyond = await member.submit(weights, ['sshd'] as unknown as typeof learnt);
      expect(beyond).toMatchObject({ fault: { code: 'CLASS_NOT_APPROVED' } });
      unwrap(await member.submit(weights, learnt));
    }
    await federation.until((state) => state.tracks.get(track)?.models.length === 2);

    const shown = await line.run('rounds', 'show', 'syscall', 'r-1');
    expect(shown.out).toMatch(/trusted sample +[0-9a-f:sha]+/);
    expect(shown.out).toMatch(/a +excluded .* nginx +NO_CLASS: left out of every class that it declares/);
    expect(shown.out).toMatch(/b +selected .* nginx,redis +takes part/);
    expect(shown.out).toMatch(/nginx +yes +5 +1 +a +5 clusters declare nginx: up to 1 of them are left out/);

    const record = await line.run('clusters', 'show', 'a');
    expect(record.out).toMatch(/rounds +1, 1 of them left out, 0 refused\n/);
    expect(record.out).toMatch(/r-1 +excluded .* nginx +NO_CLASS/);

    const approved = await line.run('clusters', 'approve', 'e', 'sshd', 'nginx', '--reason', 'redis moved away');
    expect(approved.out).toMatch(/^e may declare nginx, sshd from the next round on \(journal \d+\)/);
    const again = await line.run('policy', 'check', 'syscall');
    expect(again.out).toMatch(/nginx +5 +yes/);
    expect(again.out).toMatch(/redis +4 +yes/);
    expect(again.out).toMatch(/sshd +1 +yes/);
    const twice = await line.run('clusters', 'approve', 'e', 'sshd', 'sshd', '--reason', 'a mistake');
    expect(twice).toMatchObject({ code: 1, error: expect.stringContaining('names of workload classes, each once') });

    const replayed = await line.json<{ same: boolean }>('rounds', 'replay', 'syscall', 'r-1', '--reason', 'audit');
    expect(replayed.same).toBe(true);
    // What the release is signed with names the sample, and holds it.
    const { releasing, samples } = federation.coordinator.engine.state().tracks.get(track) ?? {};
    await federation.until((state) => state.tracks.get(track)?.releasing.releases.length === 2);
    const files = federation.coordinator.engine.state().tracks.get(track)?.releasing.releases[1]?.manifest.files;
    expect(files?.find(({ name }) => name === 'sample.bin')?.digest).toBe(samples?.[0]?.digest);
    expect(releasing).toBeDefined();
    const words = ['tracks', 'sample', 'put', 'syscall', '--reason', 'the same again'];
    expect(await line.json(...words)).toMatchObject({ track: 'syscall', sample: { version: 2 } });
    expect(await line.json('tracks', 'sample', 'show', 'syscall')).toMatchObject({ sample: { version: 2 } });
  });

  it('judges by the sample what attackers would take from a round that was kept', async () => {
    const small = classTableSpec(new WorkloadClasses(classes), 2 ** 10);
    const line = await federationWithLiar(small);
    const { federation } = line;
    const put = await line.run('tracks', 'sample', 'put', 'syscall', '--reason', 'the recorded set');
    expect(put).toMatchObject({ code: 0, error: '' });
    for (const [at, member] of (await federation.round(names)).entries()) {
      const { weights, classes: learnt } = trainClassTable(small, tracesOf(names[(at + 1) % names.length] as string));
      await member.invitationTo('r-1');
      unwrap(await member.submit(weights, learnt));
    }
    await federation.until((state) => state.tracks.get(track)?.models.length === 2);
    const words = ['simulate', 'syscall', 'r-1', '--liars', '1', '--seconds', '900', '--reason', 'is f enough?'];
    const { code, out, error } = await line.run(...words);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out).toMatch(/^r-1 of syscall: 5 updates of 2048 values, f 1, declared holders; tried in [\d.]+ s\n/);
    const judged = /sample: (0\.\d{3}) with nobody hostile .*\nLIARS .*\n +1 +(\S.*?) {2,}(-?[\d.]+) {2,}(-?[\d.]+)\n/;
    const [, worth, attack = '', ...lost] = judged.exec(out) ?? [];
    // Five clusters that learnt tell the sample's attacks apart, and none of them turns that round by a lie.
    expect(Number(worth)).toBeGreaterThan(0.8);
    expect(Object.keys(attacks)).toContain(attack);
    for (const points of lost) expect(Math.abs(Number(points))).toBeLessThan(30);
    expect(lost).toHaveLength(2);
  });

  it('opens no round by a policy that needs a sample before there is one', async () => {
    const trusted = `
aggregation: { f: 1, before: [], rule: { kind: trustedWeights, rho: 0.05, clip: 1.5, split: false, stepsMax: 20, blind: shares } }
rounds: { quorum: { kind: count, updates: 2 } }
`;
    const line = await CommandLine.start({ policy: trusted });
    const refused = await line.run('rounds', 'open', 'syscall', '--reason', 'test');
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining('SAMPLE_ABSENT') });
    expect(refused.error).toContain('testudo tracks sample put syscall');
    const foreign = await line.run('tracks', 'sample', 'put', 'syscall', '--reason', 'test');
    expect(foreign).toMatchObject({ code: 1, error: expect.stringContaining('takes samples for test/1') });
    expect(foreign.error).toMatch(/syscall-gram-table\/2.* do; any other goes by a rule that compares updates/);
  });
});
