import { expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import type { TellStandingRequest } from '../../../proto/generated/testudo/v1/responses.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import { toldStanding } from '../../testing/told-standing.ts';
import { ResponseBoard } from './response-board.ts';
import { readStanding } from './response-standing.ts';

const minuteMs = 60_000;
const uid = '0b6f2c1e-5d1b-4c0e-9a44-1f7f6f0d2a11';
const [a, b] = ['a', 'b'] as ClusterId[] as [ClusterId, ClusterId];
const proposal = {
  ...{ uid, namespace: 'shop', pod: 'web-1', workload: 'web', risk: 2.1, alertCount: 3, tracks: ['syscall'] },
  ...{ action: 'isolate', keepForMs: 60_000, sinceMs: 5, untilMs: 9, outcome: '', decidedAtMs: 0, decidedBy: '' },
  reason: '',
};
const told = (quarantine: object = {}, rotation?: object) => toldStanding({ waitsCount: 1, ...quarantine }, rotation);

it('keeps what a cluster told last, counts what differs, and knows when that was lately', () => {
  const board = new ResponseBoard();
  const one = unwrap(readStanding(told({ sharesNames: true, proposals: [proposal] })));
  expect(one.quarantine).toMatchObject({ waitsCount: 1, policyUntilMs: 0, proposals: [proposal] });
  board.hear(a, one, 0);
  board.hear(a, { ...one, atMs: 70 }, 5 * minuteMs); // The same a little later is no news.
  expect(board.of(a)).toMatchObject({ revision: 1, heardAtMs: 5 * minuteMs, atMs: 70 });
  board.hear(b, one, 0);
  board.hear(a, unwrap(readStanding(told({ waitsCount: 0 }))), 6 * minuteMs);
  expect(board.of(a)).toMatchObject({ revision: 3, quarantine: { waitsCount: 0, proposals: [] } });
  expect([board.fresh(a, 21 * minuteMs), board.fresh(a, 21 * minuteMs + 1)]).toEqual([board.of(a), undefined]);
  expect(board.fresh(b, 21 * minuteMs)).toBeUndefined();
});

it('refuses what could not be shown: names that are none, numbers out of their range, and too much', () => {
  const rotation = { mode: 'rotate', waiting: [{ reason: 'PDB', count: 2 }] };
  expect(readStanding(told({}, rotation))).toMatchObject({ ok: true, value: { rotation } });
  const wrong: [string, TellStandingRequest][] = [
    ['nothing', { atMs: 1n, quarantine: undefined, rotation: undefined }],
    ['a count', told({ heldCount: 1_000_001 })],
    ['a level', told({ cap: 'ask<script>' })],
    ['a code', told({ policyFault: 'x y' })],
    ['a time', told({ policyUntilMs: 18_446_744_073_709_551_615n })],
    ['too many', told({ proposals: Array.from({ length: 65 }, () => proposal) })],
    ['a rule', told({}, { waiting: [{ reason: '$(reboot)', count: 1 }] })],
    ...Object.entries({
      ...{ uid: `${uid.slice(0, -3)}'; `, namespace: 'shop\u202e', pod: '<img src=x>', workload: '' },
      ...{ risk: Number.NaN, tracks: ['../x'], action: 'isolate now', outcome: 'Approved', reason: 'x'.repeat(501) },
    }).map(([member, value]): [string, TellStandingRequest] => [
      member,
      told({ proposals: [{ ...proposal, [member]: value }] }),
    ]),
  ];
  for (const [what, message] of wrong) {
    expect([what, readStanding(message)]).toMatchObject([what, { ok: false, fault: { code: 'REPORT_INVALID' } }]);
  }
});
