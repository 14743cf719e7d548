import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { CommandLine } from '../cli/testing/command-line.ts';
import { readStanding } from '../coordinator/rounds/told/response-standing.ts';
import { type TestFederation, track } from '../coordinator/testing/federation.ts';
import { toldStanding } from '../coordinator/testing/told-standing.ts';
import type { ClusterId } from '../proto/ids.ts';
import { axeFindings, pages, picture, settings, useBrowser, visit } from '../tools/testing/browser.ts';
import { hostile, withOneRound } from '../tools/testing/judged-round.ts';

const uid = (last: number) => `0b6f2c1e-5d1b-4c0e-9a44-1f7f6f0d2a1${last}`;
const minuteMs = 60_000;

/** What a cluster's agent tells, as it comes over the wire. */
function tell(federation: TestFederation, cluster: string, quarantine: object, rotation?: object): void {
  const told = toldStanding({ policyUntilMs: Date.now() + 90 * 86_400_000, ...quarantine }, rotation);
  const standing = unwrap(readStanding(told));
  federation.coordinator.engine.responses.hear(cluster as ClusterId, standing, Date.now());
}

const proposal = (last: number, more: object = {}) => ({
  ...{ uid: uid(last), namespace: 'shop', pod: `web-7c9f-x2${last}`, workload: 'web', risk: 2.7, alertCount: 3 },
  ...{ tracks: ['flow', 'syscall'], action: 'isolate', keepForMs: 86_400_000 },
  ...{ sinceMs: Date.now() - 2 * minuteMs, untilMs: Date.now() + 25 * minuteMs, ...more },
});

describe('quarantines that wait', () => {
  useBrowser();

  it('shows a viewer what each would do and until when, with the commands to paste, until it is decided and by whom', async () => {
    const federation = await withOneRound();
    tell(federation, 'a', {
      waitsCount: 2,
      sharesNames: true,
      proposals: [proposal(1), proposal(2, { action: 'evict' })],
    });
    tell(federation, 'b', { waitsCount: 4 });
    const seen = await visit(federation, { role: 'viewer' });
    const { page } = seen;
    await page.getByText('2 quarantine(s) of pods wait for a person').first().waitFor();
    await page.getByRole('link', { name: 'Alerts and approvals' }).click();
    const ofA = page.getByRole('region', { name: 'Waiting in a' });
    await ofA.getByText('shop/web-7c9f-x21').waitFor();
    const said = (await ofA.innerText()).replaceAll(/\s+/g, ' ');
    expect(said).toContain('of web: risk 2.7, 3 alerts of flow, syscall');
    expect(said).toContain('cut off from the network and from its Service, kept for 1 d, then evicted');
    expect(said).toContain('it would be evicted, after its evidence was taken');
    expect(said).toMatch(/its alerts are enough in \d+ min/);
    for (const verb of ['approve', 'decline']) {
      expect(said).toContain(`testudo quarantine ${verb} ${uid(1)} -d FOLDER -r 'WHY'`);
    }
    await page.getByRole('region', { name: 'Waiting in b' }).getByText('This cluster does not say which.').waitFor();
    expect(await page.getByText(/Told by the response agents of 2 of 5 clusters/).count()).toBe(1);
    expect(await axeFindings(seen)).toEqual([]);
    await picture(seen, 'approvals');

    // Nobody reloads: the page hears that it was decided, and what a person wrote beside it moves nothing.
    const atMs = Date.now() - minuteMs;
    tell(federation, 'a', {
      ...{ waitsCount: 1, isolatedCount: 1, sharesNames: true },
      proposals: [
        proposal(2, { action: 'evict' }),
        proposal(1, { outcome: 'approved', decidedAtMs: atMs, decidedBy: `ada${hostile}`, reason: hostile }),
        proposal(3, { outcome: 'lapsed', decidedAtMs: atMs - minuteMs }),
      ],
    });
    const decided = page.getByRole('region', { name: 'Decided within a day' });
    await decided
      .getByRole('row', { name: /a shop\/web-7c9f-x21 good approved \d+ min .*ago ada<img src=x .*⟨U\+202E⟩/ })
      .waitFor();
    await decided.getByRole('row', { name: /a shop\/web-7c9f-x23 unknown expired/ }).waitFor();
    expect(await ofA.getByText('shop/web-7c9f-x21').count()).toBe(0);
    expect(await ofA.getByText('shop/web-7c9f-x22').count()).toBe(1);
    expect(await page.title()).toBe('Testudo');
    expect(seen.wrongs).toEqual([]);
  });

  it('has no way to approve anything itself, whoever asks', async () => {
    const federation = await withOneRound();
    tell(federation, 'a', { waitsCount: 1, sharesNames: true, proposals: [proposal(1)] });
    const seen = await visit(federation, { role: 'admin' });
    const { page } = seen;
    await page.getByRole('link', { name: 'Alerts and approvals' }).click();
    await page.getByRole('region', { name: 'Waiting in a' }).waitFor();
    const buttons = await page.getByRole('main').getByRole('button').allInnerTexts();
    expect(new Set(buttons)).toEqual(new Set(['Copy']));
    const statuses = await page.evaluate(async () => {
      const { token } = await (await fetch('/api/session')).json();
      const headers = { 'content-type': 'application/json', 'x-testudo-token': token };
      const body = JSON.stringify({ reason: 'why not' });
      const asked = ['approve', 'quarantine-approve', 'approvals'].map((act) =>
        fetch(`/api/acts/${act}`, { method: 'POST', headers, body }),
      );
      return (await Promise.all(asked)).map(({ status }) => status);
    });
    expect(statuses).toEqual([404, 404, 404]);
    expect(seen.wrongs).toEqual([]);
  });
});

describe('one cluster', () => {
  useBrowser();

  it('shows beside its record what its agent does with pods, which rule holds what, and its pins with their commands', async () => {
    const federation = await withOneRound();
    const seen = await visit(federation, { role: 'operator' });
    const { page } = seen;
    await page.getByRole('link', { name: 'Clusters', exact: true }).click();
    await page.getByRole('link', { name: 'liar' }).click();
    await page.getByText('No response agent of it has told anything').waitFor();
    const rotation = {
      ...{ mode: 'rotate', inFlightCount: 1, rotatedCount: 17, countedSinceMs: Date.now() - 86_400_000 },
      ...{ lastAtMs: Date.now() - 5 * minuteMs, calendar: 'WINDOW', calendarUntilMs: Date.now() + 90 * minuteMs },
      waiting: [
        { reason: 'PDB', count: 3 },
        { reason: 'WINDOW', count: 9 },
      ],
      overBound: [{ reason: 'PDB', count: 1 }],
    };
    tell(
      federation,
      'liar',
      { waitsCount: 1, isolatedCount: 2, partlyCount: 1, spentCount: 3, heldCount: 4 },
      rotation,
    );
    const quarantine = page.getByRole('region', { name: 'Quarantine of its pods' });
    await quarantine.waitFor();
    const figures = (await quarantine.innerText()).replaceAll(/\s+/g, ' ');
    expect(figures).toMatch(
      /WAIT FOR A PERSON ▲ 1 IN QUARANTINE 3 OF THESE NOT CUT OFF ■ 1 BEGUN IN 24 H 3 HELD BACK 4/i,
    );
    const rotations = page.getByRole('region', { name: 'Rotation of its pods' });
    expect((await rotations.innerText()).replaceAll(/\s+/g, ' ')).toMatch(
      /MODE rotate DONE 17 since .* LAST \d+ min .*ago UNDER WAY 1 CALENDAR rotations are for other hours until in 1 h/i,
    );
    await rotations.getByRole('row', { name: 'PDB 3 1' }).waitFor();
    await rotations.getByRole('row', { name: 'WINDOW 9 0' }).waitFor();
    await rotations.getByText('testudo agent pods').waitFor();
    const pins = page.getByRole('region', { name: 'Pins' });
    await pins.getByText('None: it follows a channel.').waitFor();
    await pins.getByText(`testudo pin liar ${track}@1 --until 14d --reason 'WHY' --dry-run`).waitFor();
    await page.getByText('certificate ends').waitFor();
    expect(await axeFindings(seen)).toEqual([]);
    expect(seen.wrongs).toEqual([]);
  });

  it('is held and let go by the very commands that pages show, and says so at once', { timeout: 600_000 }, async () => {
    const line = await CommandLine.start({ settings, pages });
    await line.federation.enrol('north');
    const seen = await visit(line.federation, { role: 'viewer' });
    const { page } = seen;
    const paste = async (command: string | undefined) => {
      const [program, ...words] = (command ?? '').replace("'WHY'", "'looked at it'").match(/'[^']*'|\S+/g) ?? [];
      expect(program).toBe('testudo');
      const ended = await line.run(...words.map((one) => one.replaceAll("'", '')));
      expect(ended).toMatchObject({ code: 0 });
      return ended.out;
    };
    await page.getByRole('link', { name: 'Clusters', exact: true }).click();
    await page.getByRole('link', { name: 'north' }).click();
    const pins = page.getByRole('region', { name: 'Pins', exact: true });
    await pins.getByText('None: it follows a channel.').waitFor();
    const shown = await pins.getByText(/^testudo pin north/).innerText();
    await paste(shown); // A dry run: nothing moves.
    expect(line.federation.coordinator.registry.pins()?.pins).toEqual([]);
    await paste(shown.replace(' --dry-run', ''));
    await pins.getByRole('row', { name: new RegExp(`north ${track}@0 in 1\\d d .*admin looked at it`) }).waitFor();
    await page.getByRole('link', { name: 'Releases' }).click();
    const ofTrack = pins.getByRole('row', { name: new RegExp(`north ${track}@0`) });
    await ofTrack.waitFor();
    await paste(await ofTrack.getByText(/^testudo unpin/).innerText());
    await pins.getByText('None: every cluster follows a channel.').waitFor();
    await pins.getByText(`testudo pin CLUSTER ${track}@0 --until 14d --reason 'WHY' --dry-run`).waitFor();
    expect(seen.wrongs).toEqual([]);
  });
});
