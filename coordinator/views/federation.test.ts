import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../proto/digest.ts';
import type { ClusterId, TrackId } from '../../proto/ids.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import { enrolled, eventsAfter, newState, track } from '../testing/released-state.ts';
import { auditView } from './audit.ts';
import { clustersOf, clusterView, operatorsView, tokensView } from './members.ts';
import { checkVersion, findTrack } from './request.ts';
import { tracksView } from './tracks.ts';

const state = eventsAfter(newState(), [...enrolled('b', { tier: 'edge' }), ...enrolled('a')], 9);

describe('who belongs to the federation', () => {
  it('comes by name, with what connects now and the key’s digest in the place of the key', () => {
    const view = clustersOf(state).map((row) => clusterView(row, (cluster) => (cluster === 'b' ? '1.2.3' : undefined)));
    expect(view.map(({ cluster, connected, build, labels }) => [cluster, connected, build, labels])).toEqual([
      ['a', false, '', {}],
      ['b', true, '1.2.3', { tier: 'edge' }],
    ]);
    expect(view[0]?.signingKeyDigest).toBe(digestOf(Buffer.alloc(0)));
    expect(Object.keys(view[0] ?? {})).not.toContain('signingKey');
  });

  it('shows tokens newest first, used ones too, and never the digest of a secret', () => {
    const token = { cluster: 'x' as ClusterId, secretDigest: digestOf(Buffer.from('s')), expiresAtMs: 99, labels: {} };
    const later = eventsAfter(state, [{ kind: 'tokenMinted', tokenId: 't-new', ...token }], 20);
    const view = tokensView(later);
    expect(view.map(({ tokenId, usedAtMs }) => [tokenId, usedAtMs])).toEqual([
      ['t-new', null],
      ['t-a', 9],
      ['t-b', 9],
    ]);
    expect(JSON.stringify(view)).not.toContain(token.secretDigest);
  });

  it('keeps removed operators in the list', () => {
    const certificate = { certificateSerial: '01', certificateExpiresAtMs: 50 };
    const added = (name: string) => ({ kind: 'operatorAdded', name, role: 'viewer', ...certificate }) as const;
    const events: JournalEvent[] = [
      added('zoe'),
      added('ada'),
      { kind: 'operatorRemoved', name: 'zoe', reason: 'left' },
    ];
    expect(operatorsView(eventsAfter(state, events)).map(({ name, removed }) => [name, removed])).toEqual([
      ['ada', false],
      ['zoe', true],
    ]);
  });
});

describe('tracksView', () => {
  it('names the model that the next round starts from, and the first of its planned rounds', () => {
    const planned = [
      { track, atMs: 100, heldBecause: null },
      { track, atMs: 200, heldBecause: null },
      { track: 'flow' as TrackId, atMs: 50, heldBecause: null },
    ] as const;
    const [view] = tracksView(state, planned);
    expect(view).toMatchObject({ track, model: { version: 0, sizeBytes: 4 }, openRound: null, nextRoundAtMs: 100 });
    expect(tracksView(state, [])[0]?.nextRoundAtMs).toBeNull();
  });
});

describe('what is asked for', () => {
  it('is a track that there is, or is told which there are', () => {
    expect(findTrack(state, track)).toMatchObject({ ok: true });
    expect(findTrack(state, 'nowhere')).toMatchObject({
      fault: { code: 'TRACK_NOT_FOUND', message: 'there is no track nowhere; tracks: syscall' },
    });
    expect(findTrack(state, 'No')).toMatchObject({ fault: { code: 'REQUEST_INVALID' } });
  });

  it('is a whole version that a number holds', () => {
    expect(checkVersion(2n ** 53n - 1n)).toEqual({ ok: true, value: Number.MAX_SAFE_INTEGER });
    for (const version of [2n ** 53n, -1, 1.5, Number.NaN, -1n]) {
      expect(checkVersion(version)).toMatchObject({ fault: { code: 'REQUEST_INVALID' } });
    }
  });
});

describe('auditView', () => {
  const entry = {
    seq: 4,
    epoch: 1,
    atMs: 7,
    chain: 'ab',
    actor: { kind: 'operator', name: 'ada', role: 'admin' },
  } as const;

  it('says who did what, in words and in canonical JSON', () => {
    const event = { kind: 'tokenRevoked', tokenId: 't-1', reason: 'lost' } as const;
    expect(auditView({ ...entry, event })).toEqual({
      sequence: 4,
      atMs: 7,
      actor: 'operator ada (admin)',
      kind: 'tokenRevoked',
      eventJson: '{"kind":"tokenRevoked","reason":"lost","tokenId":"t-1"}',
      chainDigest: 'sha256:ab',
    });
  });

  it('cuts an event that is too long to its kind', () => {
    const event = { kind: 'tokenRevoked', tokenId: 't-1', reason: 'x'.repeat(70_000) } as const;
    expect(auditView({ ...entry, event }).eventJson).toBe('{"kind":"tokenRevoked","truncated":true}');
  });
});

describe('views, operations and access', () => {
  it('know no transport: nothing of gRPC, of generated messages or of grpc/', () => {
    const files = ['access', 'operations', 'views'].flatMap((room) => {
      const folder = join(import.meta.dirname, '..', room);
      return readdirSync(folder).map((name) => join(folder, name));
    });
    const sources = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
    expect(sources.length).toBeGreaterThan(20);
    const transport = /from '(?:@grpc\/|[^']*\/generated\/|[^']*\/grpc\/)/;
    expect(sources.filter((file) => transport.test(readFileSync(file, 'utf8')))).toEqual([]);
  });
});
