import { expect, it } from 'vitest';
import { describeMachine } from '../harness/machine.ts';
import { faultsPage } from './page.ts';
import type { KillTurn, QuarantineTurn } from './turns.ts';

const machine = { ...describeMachine(), commit: 'aaa' };
const killTurn: KillTurn = {
  rotation: { agent: 7, 'API server': 11 },
  quarantine: { agent: 13, 'API server': 17 },
  ...{ replaced: 19, quarantined: 23, wrong: [], machine, seconds: 29 },
};
const histories: QuarantineTurn = {
  ...{ from: 100, histories: 31, faults: 'lies', marked: 37, spent: 41, wrong: [], machine, seconds: 43 },
};

it('sums what turns did, and names every commit that they were measured at', () => {
  const later = { ...killTurn, machine: { ...machine, commit: 'bbb' } };
  const page = faultsPage({ kills: [killTurn, later], rotation: [], quarantine: [histories, histories] });
  expect(page).toContain('| rotation | 14 | 22 | 38 replaced |\n| quarantine | 26 | 34 | 46 isolated |');
  expect(page).toContain('96 SIGKILLs in 2 turns');
  expect(page).toContain('commits aaa, bbb; 58 s');
  expect(page).toContain('Of the 2 turns there were 1 turn at aaa, 1 turn at bbb.');
  expect(page).toContain('62 histories of 30 suspects');
  expect(page).toContain(
    '## Simulated histories of rotation\n\nEvery part of the agent is real but its clock, its watches and its connection.\n\nNot measured yet.',
  );
  expect(page.trimEnd()).toMatch(/No promise was broken\.$/);
});

it('says what was broken in place of that nothing was', () => {
  const page = faultsPage({
    kills: [killTurn],
    rotation: [],
    quarantine: [{ ...histories, wrong: ['seed 7: twice'] }],
  });
  expect(page).toContain('- seed 7: twice');
  expect(page).not.toContain('No promise was broken');
});
