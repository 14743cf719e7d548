import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { operator, TestFederation } from '../coordinator/testing/federation.ts';
import { pages, settings, useBrowser, visit } from '../tools/testing/browser.ts';

const stream = '**/api/live';
/** As long as a page waits for a word, and then until it tries again. */
const [silentMs, againMs] = [15_000, 2_000];

describe('the live stream of a page', () => {
  useBrowser();

  it('is lost, and tried again, where it never says a word', async () => {
    const federation = await TestFederation.start({ settings, pages });
    const seen = await visit(federation);
    const { page } = seen;
    const mark = page.getByRole('banner').getByRole('status');
    await page.clock.install();
    await page.route(stream, () => {}); // Taken, and never answered.
    const asked = page.waitForRequest(stream);
    await page.reload();
    await asked;
    await mark.getByText('connecting').waitFor();
    await page.clock.fastForward(silentMs);
    await mark.getByText('not live: the coordinator does not answer').waitFor();
    await page.unroute(stream);
    await page.clock.fastForward(againMs);
    await mark.getByText('● live').waitFor();
    await page.getByText('What wants attention').waitFor();
    expect(seen.wrongs).toEqual([]);
  });

  it('is not asked for any more by a page whose session has ended while it was lost', async () => {
    const federation = await TestFederation.start({ settings, pages });
    const seen = await visit(federation, { role: 'viewer' });
    const { page } = seen;
    let streams = 0;
    await page.clock.install();
    await page.route(stream, async (route) => {
      streams += 1;
      await route.fulfill({ status: 503 });
    });
    await page.reload();
    await page.getByText('not live').waitFor();
    unwrap(await federation.coordinator.membership.removeOperator(operator, 'ada', 'left'));
    await page.getByText('Nobody is logged in here').waitFor();
    const before = streams;
    for (let again = 0; again < 3; again++) {
      await page.clock.fastForward(againMs);
      await page.evaluate(`fetch('/api/ways')`); // What the page asked for before this is asked for by now.
    }
    expect(streams).toBe(before);
    expect(seen.wrongs).toEqual([]);
  });
});
