import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import type { ClusterId } from '../proto/ids.ts';
import { axeFindings, useBrowser, visit } from '../tools/testing/browser.ts';
import { hostile, withOneRound } from '../tools/testing/judged-round.ts';

const template = (path: string, more: object = {}) => ({
  ...{ service: 'orders', method: 'GET', template: path, requests: 40n, callers: 3 },
  ...{ isOpen: false, isOpenAmongClosed: false, isNew: false, ...more },
});

describe('the map', () => {
  useBrowser();

  it('shows of clusters that share theirs what is open and new, of others nothing, and of names that others chose text alone', async () => {
    const federation = await withOneRound();
    const seen = await visit(federation, { role: 'viewer' });
    const { page } = seen;
    await page.getByRole('link', { name: 'Map' }).click();
    const sharing = page.getByRole('region', { name: 'Clusters that share their map' });
    await sharing.getByText('None.').waitFor();
    const told = {
      ...{ fromMs: 1n, untilMs: BigInt(Date.now()), newSinceMs: 2n, leftOff: 12 },
      services: [
        { name: 'orders', requests: 90n, isNew: false },
        { name: hostile, requests: 1n, isNew: true },
      ],
      edges: [{ from: 'outside', to: 'orders', requests: 1_234n, isNew: false }],
      templates: [
        template('/orders/{}'),
        template('/admin/{}', { isOpen: true, isOpenAmongClosed: true }),
        template(hostile, { isNew: true, service: hostile }),
      ],
    };
    unwrap(federation.coordinator.engine.maps.hear('b' as ClusterId, told, Date.now()));
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('link', { name: 'Map' }).click();
    await sharing.getByRole('row', { name: /^b 2 1 3 warning 1 1 / }).waitFor();
    expect(await axeFindings(seen)).toEqual([]);
    await sharing.getByRole('link', { name: 'b', exact: true }).click();
    await page
      .getByRole('region', { name: 'Answered without authentication' })
      .getByRole('row', { name: /^orders GET \/admin\/\{\} 40 3 warning none, and its siblings ask for it/ })
      .waitFor();
    await page
      .getByRole('region', { name: 'Edges', exact: true })
      .getByRole('row', { name: 'outside orders 1,234' })
      .waitFor();
    const fresh = page.getByRole('region', { name: 'New templates', exact: true });
    expect(await fresh.innerText()).toMatch(/<img src=x onerror="document.title=1">⟨U\+202E⟩gnp.exe/);
    await page.getByText('12 more were left off by the cluster').waitFor();
    expect(await page.title()).toBe('Testudo');
    expect(await axeFindings(seen)).toEqual([]);
    // Of who shares nothing nothing is known, whatever address somebody types.
    const statuses = await page.evaluate(async () => {
      const asked = ['/api/map/a', '/api/map/%3Cimg%3E', '/api/maps'].map((path) => fetch(path));
      return (await Promise.all(asked)).map(({ status }) => status);
    });
    expect(statuses).toEqual([404, 400, 200]);
    expect(seen.wrongs).toEqual([]);
  });
});
