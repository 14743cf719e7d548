import { describe, expect, it } from 'vitest';
import { TestFederation, track } from '../coordinator/testing/federation.ts';
import { axeFindings, openPage, pages, settings, useBrowser, visit } from '../tools/testing/browser.ts';

describe('the overview', () => {
  useBrowser();

  it('shows every cluster by every track, follows a round as it runs, and asks nobody else for anything', async () => {
    const federation = await TestFederation.start({ settings, pages });
    const members = await Promise.all(['eu-west', 'eu-north', 'us-east'].map((name) => federation.enrol(name)));
    const seen = await visit(federation);
    const { page } = seen;
    await page.waitForURL((url) => url.pathname === '/');
    expect(page.url()).not.toContain('#');
    const matrix = page.getByRole('region', { name: 'Clusters by tracks' });
    await matrix.getByRole('row', { name: /eu-north/ }).waitFor();
    expect(await matrix.getByRole('rowheader').allInnerTexts()).toEqual([
      expect.stringContaining('eu-north'),
      expect.stringContaining('eu-west'),
      expect.stringContaining('us-east'),
    ]);
    expect(await page.getByText('TOO_FEW_CLUSTERS').count()).toBe(1);

    for (const member of members) await member.watch([track]);
    await page.getByText('TOO_FEW_CLUSTERS').waitFor({ state: 'detached' });
    await federation.openRound();
    for (const member of members) await member.invitation();
    await page.getByText('0 of 3 needed').waitFor();
    await members[0]?.submit(new Float32Array(1000).fill(0.1));
    await page.getByText('1 of 3 needed').waitFor();
    await members[1]?.submit(new Float32Array(1000).fill(0.1));
    await members[2]?.submit(new Float32Array(1000).fill(0.1));
    await page.getByRole('cell', { name: /r-1 .*gave a model/ }).waitFor();

    await page.getByRole('searchbox', { name: 'Filter' }).fill('us');
    expect(await matrix.getByRole('rowheader').count()).toBe(1);
    expect(seen.wrongs).toEqual([]);
    expect(await axeFindings(seen)).toEqual([]);
  });

  it('lets nobody in without a session, and says how to get one', async () => {
    const federation = await TestFederation.start({ settings, pages });
    const { dashboard = '' } = federation.coordinator.addresses;
    const seen = await openPage(dashboard, `${dashboard}/`);
    await seen.page.getByText('testudo dashboard', { exact: true }).waitFor();
    expect(await seen.page.content()).not.toContain('herd');
    expect(await axeFindings(seen)).toEqual([]);
    const spent = await openPage(dashboard, `${dashboard}/login#${'x'.repeat(43)}`);
    await spent.page.getByText('the link was used').waitFor();
    expect([...seen.wrongs, ...spent.wrongs]).toEqual([]);
  });
});
