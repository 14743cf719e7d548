import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { operator, track } from '../coordinator/testing/federation.ts';
import type { ClusterId } from '../proto/ids.ts';
import { axeFindings, picture, useBrowser, visit } from '../tools/testing/browser.ts';
import { withOneRound } from '../tools/testing/judged-round.ts';

/** Moves on by Tab until what has the focus is called so, as one without a mouse would. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const named = await page.evaluate(
      '(document.activeElement?.ariaLabel || document.activeElement?.textContent || "").trim()',
    );
    if (named === name) return;
  }
  throw new Error(`no Tab comes to ${name}`);
}

describe('what operators do at the dashboard', () => {
  useBrowser();

  it('begins with a round that says whom it left out and why, whatever others wrote', async () => {
    const federation = await withOneRound();
    const seen = await visit(federation);
    const { page } = seen;
    await page.getByRole('link', { name: 'Rounds' }).click();
    await page.getByRole('link', { name: 'r-1' }).click();
    const table = page.getByRole('region', { name: 'Every update' }).getByRole('table');
    await table.getByRole('row', { name: /liar .*left out .*SCORE_TOO_HIGH|liar .*left out/ }).waitFor();
    expect(await table.getByRole('row').count()).toBe(6);
    expect(
      await page
        .getByRole('img', { name: /Scores of all updates/ })
        .locator('.dot')
        .count(),
    ).toBe(5);
    expect(
      await page
        .getByRole('img', { name: /along the aggregate/ })
        .locator('.dot.left')
        .count(),
    ).toBeGreaterThan(0);
    await page.getByText('<img src=x onerror="document.title=1">⟨U+202E⟩gnp.exe').waitFor();
    expect(await page.title()).toBe('Testudo');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByText('Download its record').click(),
    ]);
    expect(download.suggestedFilename()).toBe('syscall-r-1.json');
    const record = JSON.parse(await (await import('node:fs/promises')).readFile(await download.path(), 'utf8'));
    expect(record).toMatchObject({ format: 'testudo/provenance/1', round: 'r-1', n: 5 });
    expect(seen.wrongs).toEqual([]);
    expect(await axeFindings(seen)).toEqual([]);
  });

  it('needs a reason, shows first what would happen, and works without a mouse', async () => {
    const federation = await withOneRound();
    const seen = await visit(federation, { role: 'operator' });
    const { page } = seen;
    await tabTo(page, 'Releases');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Roll back' }).waitFor();
    await tabTo(page, 'Roll back');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Roll back' });
    expect(await dialog.getByRole('button', { name: 'Show what would happen' }).isDisabled()).toBe(true);
    await page.keyboard.type('it alerts too often');
    await tabTo(page, 'Show what would happen');
    await page.keyboard.press('Enter');
    await dialog.getByText('5 clusters would change').waitFor();
    expect(await axeFindings(seen)).toEqual([]);
    await picture(seen, 'roll-back');
    expect(federation.coordinator.engine.state().tracks.get(track)?.releasing.channels.stable?.version).toBe(1);
    await tabTo(page, 'Roll back now');
    await page.keyboard.press('Enter');
    await dialog.getByText(/Done: entry \d+ of the journal/).waitFor();
    await page.keyboard.press('Escape');
    const moved = (await federation.audit()).filter(({ event }) => event.kind === 'channelMoved').at(-1);
    expect(moved).toMatchObject({
      actor: { kind: 'operator', name: 'ada', role: 'operator' },
      event: { version: 0, reason: 'it alerts too often' },
    });
    expect(seen.wrongs).toEqual([]);
  });

  it('freezes a track, says who holds it, until when and why, and lets it go; a viewer can neither', async () => {
    const federation = await withOneRound();
    const [ada, eve] = [
      await visit(federation, { role: 'operator' }),
      await visit(federation, { name: 'eve', role: 'viewer' }),
    ];
    const { page } = ada;
    for (const one of [ada, eve]) await one.page.getByRole('link', { name: 'Releases' }).click();
    const panel = page.getByRole('region', { name: 'Freeze', exact: true });
    await panel.getByText('Nothing holds it.').waitFor();
    await panel.getByRole('combobox').selectOption('24 h');
    await panel.getByRole('button', { name: 'Freeze' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('textbox').fill('<img src=x onerror="document.title=1">');
    await dialog.getByRole('button', { name: 'Show what would happen' }).click();
    await dialog.getByText('It would hold back 0 planned rounds.').waitFor();
    expect([...federation.coordinator.engine.state().freezes]).toEqual([]);
    await dialog.getByRole('button', { name: 'Freeze now' }).click();
    await dialog.getByText(/Done: entry \d+ of the journal/).waitFor();
    await page.keyboard.press('Escape');
    const row = panel.getByRole('row', { name: /^syscall .* in (1 d|23 h 59 min) .*ada <img src=x onerror/ });
    await row.waitFor();
    expect(await axeFindings(ada)).toEqual([]);
    const seen = eve.page.getByRole('region', { name: 'Freeze', exact: true });
    await seen.getByRole('row', { name: /^syscall/ }).waitFor();
    for (const name of ['Freeze', 'Unfreeze']) {
      expect(await seen.getByRole('button', { name, exact: true }).isDisabled()).toBe(true);
    }
    await row.getByRole('button', { name: 'Unfreeze' }).click();
    await dialog.getByRole('textbox').fill('over');
    await dialog.getByRole('button', { name: 'Show what would happen' }).click();
    await dialog.getByRole('button', { name: 'Unfreeze now' }).click();
    await dialog.getByText(/Done: entry \d+ of the journal/).waitFor();
    await page.keyboard.press('Escape');
    await panel.getByText('Nothing holds it.').waitFor();
    expect([...federation.coordinator.engine.state().freezes]).toEqual([]);
    expect([...ada.wrongs, ...eve.wrongs]).toEqual([]);
  });

  it('lets one of two win who decide at once, and tells the other', async () => {
    const federation = await withOneRound();
    unwrap(await federation.coordinator.registry.rollBack(operator, { track, reason: 'to promote it again' }));
    const [ada, bob] = [await visit(federation, { name: 'ada' }), await visit(federation, { name: 'bob' })];
    for (const { page } of [ada, bob]) {
      await page.getByRole('link', { name: 'Releases' }).click();
      await page.getByRole('button', { name: 'Promote 1' }).click();
      await page.getByRole('textbox').fill('it is good');
      await page.getByRole('button', { name: 'Show what would happen' }).click();
      await page.getByText('5 clusters would change').waitFor();
    }
    await Promise.all([ada, bob].map(({ page }) => page.getByRole('button', { name: 'Promote 1 now' }).click()));
    const outcomes = await Promise.all(
      [ada, bob].map(async ({ page }) => {
        const said = page.getByRole('dialog').locator('[role=alert], [role=status]:has-text("Done")').first();
        await said.waitFor();
        return (await said.getAttribute('role')) === 'alert' ? said.innerText() : 'done';
      }),
    );
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1);
    expect(outcomes.find((outcome) => outcome !== 'done')).toMatch(/VERSION_NOT_NEWER|CHANGED_SINCE|NOTHING_TO_CHANGE/);
    const promoted = (await federation.audit()).filter(
      ({ event }) => event.kind === 'channelMoved' && event.reason === 'it is good',
    );
    expect(promoted.filter(({ event }) => event.kind === 'channelMoved' && event.channel === 'stable')).toHaveLength(1);
    expect([...ada.wrongs, ...bob.wrongs]).toEqual([]);
  });

  it('says that it may have been done where the answer is lost on the way, or breaks off', async () => {
    const federation = await withOneRound();
    const seen = await visit(federation);
    const { page } = seen;
    const { engine } = federation.coordinator;
    const quarantined = () => engine.state().clusters.get('liar' as ClusterId)?.quarantined;
    const dialog = page.getByRole('dialog');
    const act = async (name: string) => {
      await page.getByRole('button', { name, exact: true }).click();
      await dialog.getByRole('textbox').fill('it lies');
      await dialog.getByRole('button', { name: `${name} now` }).click();
      await dialog
        .getByRole('alert')
        .getByText(/UNREACHABLE.*it may have been done/)
        .waitFor();
      await page.keyboard.press('Escape');
    };
    await page.getByRole('link', { name: 'Clusters', exact: true }).click();
    await page.getByRole('link', { name: 'liar' }).click();
    await page.route('**/api/acts/*', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await act('Quarantine');
    expect(quarantined()).toBe(true);
    await page.unroute('**/api/acts/*');
    await page.route('**/api/acts/*', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).slice(0, -1) });
    });
    await act('Let it take part again');
    expect(quarantined()).toBe(false);
    await page.unroute('**/api/acts/*');
    await page.route('**/api/acts/*', (route) => route.abort());
    await page.getByRole('link', { name: 'Releases' }).click();
    await page.getByRole('button', { name: 'Roll back' }).click();
    await dialog.getByRole('textbox').fill('it alerts too often');
    await dialog.getByRole('button', { name: 'Show what would happen' }).click();
    await dialog.getByRole('alert').getByText('the coordinator does not answer').waitFor(); // Nothing was to be done.
    expect(seen.wrongs).toEqual([]);
  });
});
