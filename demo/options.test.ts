import { describe, expect, it } from 'vitest';
import { type DemoFlags, parseOptions } from './options.ts';
import { policyOf } from './rule.ts';

const places = { data: 'data/recorded/syscalls.tsv.gz', detector: 'gram-table' } as const;
const none: DemoFlags = {
  data: undefined,
  abi: undefined,
  partition: undefined,
  clusters: undefined,
  hostile: undefined,
  rounds: undefined,
  rule: undefined,
  detector: undefined,
  tracks: undefined,
  seed: undefined,
  out: undefined,
};

describe('parseOptions', () => {
  it('tells the story of the README when nothing is asked for', () => {
    expect(parseOptions(none, places)).toMatchObject({
      value: {
        ...places,
        abi: 'x86_64',
        clusters: 8,
        hostile: 2,
        rounds: 6,
        seed: 1,
        out: 'out',
        tracks: ['syscall', 'flow'],
      },
    });
  });

  it('reports every problem at once, with what is legal', () => {
    const flags = {
      ...none,
      clusters: '0',
      rounds: '1.5',
      detector: 'oracle',
      abi: 'vax',
      partition: 'host',
      seed: '-1',
      tracks: 'flow',
    };
    const parsed = parseOptions(flags, places);
    const message = parsed.ok ? '' : parsed.fault.message;
    for (const part of [
      '--clusters: expected a whole number from 1 to 64',
      '--rounds',
      '--detector',
      '--partition',
      '--abi: expected x86_64 or i386 or arm64, got vax',
      '--seed',
      '--tracks: expected syscall or syscall,flow, got flow',
    ]) {
      expect(message).toContain(part);
    }
  });

  it('leaves the flow track out where only system calls are asked for', () => {
    expect(parseOptions({ ...none, tracks: 'syscall' }, places)).toMatchObject({ value: { tracks: ['syscall'] } });
  });

  it('refuses a federation without an honest cluster', () => {
    expect(parseOptions({ ...none, clusters: '3', hostile: '3' }, places)).toMatchObject({ fault: { code: 'USAGE' } });
  });
});

describe('policyOf', () => {
  it('reads compositions from left to right', () => {
    expect(policyOf('arc+nnm+trimmed-mean', 8, 2)).toMatchObject({
      value: {
        f: 2,
        before: [{ kind: 'adaptiveClip' }, { kind: 'nearestNeighbourMixing' }],
        rule: { kind: 'trimmedMean' },
      },
    });
  });

  it('refuses unknown names, and rules that cannot stand so many liars', () => {
    expect(policyOf('krumm', 8, 2)).toMatchObject({
      fault: { message: expect.stringContaining('expected mean, krum') },
    });
    expect(policyOf('xyz+krum', 8, 2)).toMatchObject({ fault: { code: 'RULE_UNUSABLE' } });
    expect(policyOf('krum', 6, 2)).toMatchObject({ fault: { code: 'RULE_UNUSABLE' } });
    expect(policyOf('bulyan', 8, 2)).toMatchObject({ fault: { code: 'RULE_UNUSABLE' } });
  });
});
