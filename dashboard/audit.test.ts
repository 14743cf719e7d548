import { describe, expect, it } from 'vitest';
import { ok, unwrap } from '../base/fault.ts';
import type { JournalEvent } from '../coordinator/ledger/journal/events.ts';
import { operator, TestFederation, track } from '../coordinator/testing/federation.ts';
import type { ClusterId, Digest } from '../proto/ids.ts';
import { pages, settings, useBrowser, visit } from '../tools/testing/browser.ts';

/** One more entry of the journal. */
function antibody(number: number): JournalEvent {
  return {
    ...{ kind: 'antibodyPut', track, family: 'webshell', cluster: 'a' as ClusterId, examples: 12, bytes: 4_096 },
    digest: `sha256:${number.toString(16).padStart(64, '0')}` as Digest,
    expiresAtMs: Date.now() + 86_400_000,
    reason: 'made for a test',
  };
}

describe('the audit page', () => {
  useBrowser();

  it('keeps what was asked for of earlier entries when something is journalled', async () => {
    const federation = await TestFederation.start({ settings, pages });
    const { engine } = federation.coordinator;
    const put = async (from: number, to: number) => {
      const events = Array.from({ length: to - from }, (_, at) => antibody(from + at));
      unwrap(await engine.commit(operator, () => ok({ events, value: undefined })));
    };
    await put(0, 150);
    const { page } = await visit(federation);
    await page.goto(`${new URL(page.url()).origin}/audit`);
    const rows = page.getByRole('region', { name: 'Entries of the journal, a table' }).locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(100);
    await page.getByRole('button', { name: 'Earlier' }).click();
    await expect.poll(() => rows.count()).toBeGreaterThan(150);
    const before = await rows.count();
    await put(150, 153);
    await expect.poll(() => rows.count()).toBe(before + 3);
    expect(await rows.first().getByRole('rowheader').textContent()).toBe(String(engine.state().seq));
  });
});
