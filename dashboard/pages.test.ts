import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { ok, unwrap } from '../base/fault.ts';
import type { JournalEvent } from '../coordinator/ledger/journal/events.ts';
import { operator, type TestFederation, track } from '../coordinator/testing/federation.ts';
import type { ClusterId, Digest } from '../proto/ids.ts';
import { axeFindings, picture, useBrowser, type Visit, visit } from '../tools/testing/browser.ts';
import { hostile, withOneRound } from '../tools/testing/judged-round.ts';

/** Each page's address, and what stands on it once it is drawn. */
const everyPage = [
  ['/', 'What wants attention'],
  ['/rounds/syscall', 'Rounds of syscall'],
  ['/rounds/syscall/r-1', 'Scores against the threshold'],
  ['/releases/syscall', 'Versions'],
  ['/clusters', 'Clusters'],
  ['/clusters/liar', 'Record in syscall'],
  ['/alerts', 'Families seen in the last 24 hours'],
  ['/antibodies/syscall', 'Antibodies of syscall'],
  ['/map', 'What clusters share'],
  ['/audit', 'Entries, newest first'],
] as const;

const inTheDark: readonly string[] = ['/', '/rounds/syscall/r-1', '/clusters/liar'];
const pictures: Readonly<Record<string, string>> = {
  'light /': 'overview',
  'light /rounds/syscall/r-1': 'round',
  'light /clusters/liar': 'cluster',
  'dark /': 'phone',
};

async function pictureOf(seen: Visit, theme: string, path: string): Promise<void> {
  const name = pictures[`${theme} ${path}`];
  if (name !== undefined) await picture(seen, name);
}

/** What a federation comes to beside rounds: alerts in three clusters, and an antibody. */
async function withAlerts(): Promise<TestFederation> {
  const federation = await withOneRound();
  const { engine } = federation.coordinator;
  const hourMs = Math.floor(Date.now() / 3_600_000) * 3_600_000;
  for (const [cluster, count] of [
    ['a', 3],
    ['b', 5],
    ['c', 1],
  ] as const) {
    unwrap(engine.alerts.hear(cluster as ClusterId, [{ track, hourMs, family: 'webshell', count }], Date.now()));
  }
  const antibody: JournalEvent = {
    ...{ kind: 'antibodyPut', track, family: 'webshell', cluster: 'a' as ClusterId, examples: 12, bytes: 4_096 },
    digest: `sha256:${'ab'.repeat(32)}` as Digest,
    expiresAtMs: Date.now() + 86_400_000,
    reason: hostile,
  };
  unwrap(await engine.commit(operator, () => ok({ events: [antibody], value: undefined })));
  return federation;
}

describe('every page', () => {
  useBrowser();

  it('shows what there is, in light and in dark, on a phone too, without a serious finding', async () => {
    const federation = await withAlerts();
    for (const [name, options] of [
      ['light', { colorScheme: 'light' }],
      ['dark', { colorScheme: 'dark', viewport: { width: 360, height: 740 } }],
    ] as const) {
      const seen = await visit(federation, { name, ...options });
      const { page } = seen;
      const address = new URL(page.url()).origin;
      for (const [path, heading] of everyPage) {
        await page.goto(`${address}${path}`);
        await page.getByRole('heading', { name: heading }).first().waitFor();
        await expect.poll(() => page.getByText('…', { exact: true }).count(), { timeout: 300_000 }).toBe(0);
        const beyond = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        // Colours are variables of the whole: three pages in the dark show all of them.
        const findings = name === 'light' || inTheDark.includes(path) ? await axeFindings(seen) : [];
        expect([name, path, beyond, findings]).toEqual([name, path, 0, []]);
        await pictureOf(seen, name, path);
      }
      expect(await page.title()).toBe('Testudo');
      expect(seen.wrongs).toEqual([]);
    }
  });

  it('says of a cluster how rounds judged it, and of families where they are seen', async () => {
    const federation = await withAlerts();
    const seen = await visit(federation, { role: 'operator' });
    const { page } = seen;
    await page.getByRole('link', { name: 'Alerts and approvals' }).click();
    await page.getByRole('row', { name: /webshell syscall 9 3 b 5/ }).waitFor();
    await page.getByText('webshell was seen in 3 clusters within a day').waitFor();
    await page.getByRole('link', { name: 'Clusters', exact: true }).click();
    await page.getByRole('link', { name: 'liar' }).click();
    await page.getByText('of 1 rounds, left out of 1').waitFor();
    await page
      .getByRole('img', { name: /Lengths of the last 1 updates/ })
      .locator('canvas')
      .waitFor();
    await page.getByRole('button', { name: 'Quarantine' }).click();
    await page.getByRole('textbox').fill('it lies');
    await page.getByRole('button', { name: 'Quarantine now' }).click();
    await page.getByText(/Done: entry \d+/).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Let it take part again' }).waitFor();
    expect(federation.coordinator.engine.state().clusters.get('liar' as ClusterId)?.quarantined).toBe(true);

    await page.getByRole('link', { name: 'Antibodies' }).click();
    await page.getByRole('row', { name: /webshell good in force a 12/ }).waitFor();
    await page.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('textbox').fill('false alarms');
    await page.getByRole('button', { name: 'Revoke now' }).click();
    await page.getByText(/Done: entry \d+/).waitFor();
    expect(federation.coordinator.engine.state().tracks.get(track)?.antibodies[0]?.revoked).toBe('false alarms');
    expect(seen.wrongs).toEqual([]);
  });

  it('finds what was done in the journal, and says whether its chain holds or where it breaks', async () => {
    const federation = await withAlerts();
    const seen = await visit(federation, { role: 'viewer' });
    const { page } = seen;
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('textbox', { name: 'kinds' }).fill('antibodyPut');
    await page.getByRole('button', { name: 'Search' }).click();
    await expect
      .poll(() => page.getByRole('region', { name: 'Entries of the journal' }).getByRole('row').count())
      .toBe(2);
    await page.getByText('Nothing earlier fits.').waitFor();
    await page.getByRole('button', { name: 'Verify now' }).click();
    await page.getByText(/Verified to entry \d+: sha256:/).waitFor();
    const path = join(federation.config.dataDirectory, 'journal.sqlite');
    const file = new Database(path);
    file.exec('DROP TRIGGER entries_stay');
    file.exec(`UPDATE entries SET body = body || ' ' WHERE seq = 4`);
    file.close();
    await page.getByRole('button', { name: 'Verify now' }).click();
    await page.getByText(/the hash chain breaks at entry 4/).waitFor();
    expect(seen.wrongs).toEqual([]);
  });

  it('gives way to the login when the operator is removed', async () => {
    const federation = await withOneRound();
    const [ada, bob] = [await visit(federation, { name: 'ada' }), await visit(federation, { name: 'bob' })];
    await ada.page.getByText('What wants attention').waitFor();
    unwrap(await federation.coordinator.membership.removeOperator(operator, 'ada', 'left'));
    await ada.page.getByText('Nobody is logged in here').waitFor();
    await bob.page.getByText('What wants attention').waitFor();
    expect([...ada.wrongs, ...bob.wrongs]).toEqual([]);
  });
});
