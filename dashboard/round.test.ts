import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { axeFindings, useBrowser, visit } from '../tools/testing/browser.ts';
import { hostile, withOneRound } from '../tools/testing/judged-round.ts';

type Place = readonly [number, number];
type Record_ = Readonly<{
  map: Readonly<{ share: number; aggregate: Place }>;
  updates: readonly Readonly<{ cluster: string; place: Place; tensors: readonly object[] }>[];
}>;

const apart = ([a, b]: Place, [c, d]: Place) => Math.hypot(a - c, b - d);

describe('a round', () => {
  useBrowser();

  it('shows where updates stand to each other and by which tensors they differ, as its record has it', async () => {
    const federation = await withOneRound();
    const seen = await visit(federation, { role: 'viewer' });
    const { page } = seen;
    await page.getByRole('link', { name: 'Rounds' }).click();
    await page.getByRole('link', { name: 'r-1' }).click();
    const panel = page.getByRole('region', { name: 'Where updates stand to each other' });
    const map = panel.getByRole('img', { name: 'Updates by their distances to each other' });
    await map.waitFor();
    expect(await map.locator('.dot.kept').count()).toBeGreaterThan(0);
    const dots = await map.locator('.dot title').allTextContents();
    expect(dots.map((text) => text.split(':')[0]).sort()).toEqual(['a', 'aggregate', 'b', 'c', 'd', 'liar']);
    await panel.getByText('✚ aggregate').waitFor();
    expect(await panel.innerText()).toMatch(/this plane holds (9\d|100) % of the updates/);
    const row = page.getByRole('region', { name: 'Every update' }).getByRole('row', { name: /^liar/ });
    expect(await row.innerText()).toMatch(/weights 100 %/);
    expect(await axeFindings(seen)).toEqual([]);

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByText('Download its record').click(),
    ]);
    const record = JSON.parse(await readFile(await download.path(), 'utf8')) as Record_;
    const placeOf = new Map(record.updates.map(({ cluster, place }) => [cluster, place]));
    const at = (cluster: string) => placeOf.get(cluster) as Place;
    // Updates of 64 values are -9 in the liar's, about 0.1 in all others': 72.8 apart.
    for (const cluster of ['a', 'b', 'c', 'd']) {
      expect(Math.abs(apart(at('liar'), at(cluster)) - 72.8)).toBeLessThan(0.5);
      expect(apart(at('a'), at(cluster))).toBeLessThan(1);
      expect(apart(record.map.aggregate, at(cluster))).toBeLessThan(1);
    }
    expect(seen.wrongs).toEqual([]);
  });

  it('says so of a record that gives no places, and shows nothing but text of names that others chose', async () => {
    const federation = await withOneRound();
    const seen = await visit(federation, { role: 'viewer' });
    const { page } = seen;
    let changes: (detail: {
      parts: { cluster: string; tensors: { name: string; part: number }[] }[];
      map: object | null;
    }) => void;
    await page.route('**/api/round/**', async (route) => {
      const response = await route.fetch();
      const detail = await response.json();
      changes(detail);
      await route.fulfill({ response, json: detail });
    });
    const panel = page.getByRole('region', { name: 'Where updates stand to each other' });
    const open = async () => {
      await page.getByRole('link', { name: 'Rounds' }).click();
      await page.getByRole('link', { name: 'r-1' }).click();
    };
    changes = (detail) => {
      detail.map = null;
    };
    await open();
    await panel.getByText('Its record gives updates no places: an earlier build made it.').waitFor();
    changes = ({ parts: [first] }) => {
      if (first === undefined) throw new Error('no update');
      first.cluster = hostile;
      first.tensors = [{ name: hostile, part: 0.5 }];
    };
    await open();
    await page
      .getByText(/onerror="document.title=1">⟨U\+202E⟩gnp.exe 50 %/)
      .first()
      .waitFor();
    const titles = await panel.locator('.dot title').allTextContents();
    expect(titles.some((text) => text.startsWith('<img src=x') && text.includes('⟨U+202E⟩'))).toBe(true);
    expect(await page.title()).toBe('Testudo');
    expect(seen.wrongs).toEqual([]);
  });
});
