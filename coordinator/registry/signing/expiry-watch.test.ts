import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../proto/digest.ts';
import { emptyState } from '../../ledger/state/mutable-state.ts';
import { type MetadataState, noMetadata } from '../../ledger/state/releasing.ts';
import { ReleaseMetrics } from '../../observability/release-metrics.ts';
import { ExpiryWatch, expiringSoon } from './expiry-watch.ts';

const dayMs = 86_400_000;
const ref = (version: number, expiresAtMs: number) => ({
  version,
  expiresAtMs,
  bytes: 1,
  digest: digestOf(Buffer.of(1)),
});

function metadata(rootUntilMs: number, pinsUntilMs: number): MetadataState {
  // The first root has long expired: only the one in force counts.
  return { ...noMetadata, roots: [ref(1, 0), ref(2, rootUntilMs)], pins: { ...ref(3, pinsUntilMs), signers: [] } };
}

describe('expiringSoon', () => {
  it('names the root in force and the pins from so long before their end on, and after it', () => {
    const at = metadata(100 * dayMs, 60 * dayMs);
    const roles = (day: number) =>
      expiringSoon(at, day * dayMs, 30 * dayMs).map(({ role, version }) => [role, version]);
    expect(roles(29.9)).toEqual([]);
    expect(roles(30)).toEqual([['pins', 3]]);
    expect(roles(70)).toEqual([
      ['root', 2],
      ['pins', 3],
    ]);
    expect(roles(1_000)).toHaveLength(2);
    expect(expiringSoon(noMetadata, 0, 30 * dayMs)).toEqual([]);
  });
});

describe('ExpiryWatch', () => {
  it('warns once a day for each role, with what to do, and no more once it is renewed', () => {
    const warnings: string[] = [];
    const watch = new ExpiryWatch((code, message) => warnings.push(`${code}: ${message}`), 30 * dayMs);
    const at = metadata(40 * dayMs, 400 * dayMs);
    for (let hour = 0; hour < 12 * 24; hour += 1) watch.look(at, hour * 3_600_000);
    expect(warnings).toHaveLength(2); // On days 10 and 11.
    expect(warnings[0]).toMatch(/^ROOT_EXPIRES: root 2 expires at 1970-02-10T00:00:00.000Z.*testudo root rotate/);
    watch.look(at, 41 * dayMs);
    expect(warnings[2]).toContain('root 2 expired at');
    watch.look(metadata(800 * dayMs, 400 * dayMs), 43 * dayMs);
    expect(warnings).toHaveLength(3);
    watch.look(metadata(800 * dayMs, 50 * dayMs), 43 * dayMs);
    expect(warnings[3]).toMatch(/^PINS_EXPIRE: pins 3 .*testudo pins renew/);
  });

  it('has a metric beside it', async () => {
    const registry = new Registry();
    const nowMs = Date.now();
    const state = { ...emptyState(), metadata: metadata(nowMs + 10 * dayMs, nowMs + 300 * dayMs) };
    new ReleaseMetrics(
      registry,
      () => state,
      () => 0,
      30 * dayMs,
      () => nowMs,
    );
    const text = await registry.metrics();
    expect(text).toContain('testudo_release_metadata_expiring{role="root"} 1');
    expect(text).toContain('testudo_release_metadata_expiring{role="pins"} 0');
  });
});
