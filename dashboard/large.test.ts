import { describe, expect, it } from 'vitest';
import { ok, unwrap } from '../base/fault.ts';
import type { JournalEvent } from '../coordinator/ledger/journal/events.ts';
import { createTrack } from '../coordinator/ledger/track-changes.ts';
import { operator, TestFederation } from '../coordinator/testing/federation.ts';
import { enrolled } from '../coordinator/testing/released-state.ts';
import type { ClusterId, TrackId } from '../proto/ids.ts';
import { pages, settings, useBrowser, visit } from '../tools/testing/browser.ts';

const clusters = Array.from({ length: 500 }, (_, at) => `cluster-${String(at).padStart(3, '0')}` as ClusterId);

async function large(): Promise<TestFederation> {
  const federation = await TestFederation.start({ settings, pages });
  const { engine } = federation.coordinator;
  const first = engine.state().tracks.values().next().value;
  if (first === undefined) throw new Error('a federation without a track');
  const modelDigest = first.models[0]?.digest as never;
  for (const track of ['flow', 'api'] as TrackId[]) {
    unwrap(
      await createTrack(engine, operator, {
        track,
        spec: first.spec,
        policy: first.policy,
        modelDigest,
        reason: 'test',
      }),
    );
  }
  const atMs = Date.now() + 1e9;
  const lasting = (event: JournalEvent): JournalEvent => {
    if (event.kind === 'tokenMinted') return { ...event, expiresAtMs: atMs };
    return event.kind === 'clusterEnrolled' ? { ...event, certificateExpiresAtMs: atMs } : event;
  };
  const events = clusters.flatMap((name) => enrolled(name).map(lasting));
  unwrap(await engine.commit(operator, () => ok({ events, value: undefined })));
  return federation;
}

describe('the overview of 500 clusters on three tracks', () => {
  useBrowser();

  it('is drawn whole, laid out where it is in view, and then drawn only where something changes', async () => {
    const federation = await large();
    const seen = await visit(federation);
    const { page } = seen;
    const matrix = page.getByRole('region', { name: 'Clusters by tracks' });
    const rows = matrix.locator('tbody tr');
    await rows.nth(499).waitFor();
    expect(await rows.first().locator('td').count()).toBe(4);
    expect(await matrix.getByRole('rowheader').count()).toBe(500);
    expect(
      await matrix
        .getByRole('row', { name: /cluster-499/ })
        .getByRole('cell')
        .count(),
    ).toBe(4);
    const inView = `[...document.querySelectorAll('.matrix tbody tr')].map((row) => row.checkVisibility({ contentVisibilityAuto: true }))`;
    const atTop = (await page.evaluate(inView)) as boolean[];
    expect([atTop[0], atTop[499], atTop.filter(Boolean).length < 250]).toEqual([true, false, true]);
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
    await expect.poll(async () => ((await page.evaluate(inView)) as boolean[])[499]).toBe(true);
    const lefts = (row: string) =>
      page.evaluate(`[...document.querySelector('${row}').cells].map((cell) => cell.getBoundingClientRect().left)`);
    expect(await lefts('.matrix tbody:last-child tr:last-child')).toEqual(await lefts('.matrix thead tr'));

    // And then it is drawn only where something changes.
    await page.evaluate(`{
      const changed = (window.changed = new Set());
      const note = ({ target }) => changed.add((target.closest ?? target.parentElement.closest).call(target.closest ? target : target.parentElement, 'tr')?.querySelector('th')?.textContent);
      new MutationObserver((all) => all.forEach(note)).observe(document.querySelector('.matrix'), {
        subtree: true, childList: true, characterData: true, attributes: true,
      });
    }`);
    const { membership } = federation.coordinator;
    const named = { cluster: clusters[7] as ClusterId, quarantined: true, reason: 'odd' };
    unwrap(await membership.setQuarantine(operator, named));
    await rows.nth(7).getByText('quarantine', { exact: true }).waitFor();
    const changed = (await page.evaluate('[...window.changed].filter(Boolean)')) as string[];
    expect(changed).toHaveLength(1);
    expect(changed[0]).toContain('cluster-007');
    await page.getByRole('searchbox', { name: 'Filter' }).fill('499');
    await expect.poll(() => rows.count()).toBe(1);
    expect(seen.wrongs).toEqual([]);
  });
});
