import { describe, expect, it } from 'vitest';
import { lineOf, simulator } from './testing/run-simulator.ts';

const patienceMs = 600_000;

describe('the simulator', () => {
  it(
    'keeps every rule on forty days of faults, each kind of which comes to pass',
    async () => {
      const lines = await simulator('--seeds', '1-40');
      expect(lines.slice(0, -1)).toEqual([]);
      const { seeds, broken, done = {} } = lineOf(lines.at(-1));
      expect([seeds, broken]).toEqual([40, 0]);
      const kinds = Object.keys(done).sort();
      expect(kinds).toEqual(
        [
          [
            'badLink',
            'clockPastDeadline',
            'clusterDisk',
            'coordinatorDisk',
            'cutLink',
            'duel',
            'failWrite',
            'flipJournal',
            'flipModel',
          ],
          ['flipUpdate', 'hostile', 'killAtWrite', 'killCluster', 'killCoordinator', 'operator', 'pauseCluster'],
          ['pauseCoordinator', 'setClusterClock', 'setCoordinatorClock', 'tamper'],
          ['answerLost', 'answersHeld', 'coordinatorKilled', 'crash', 'failOver', 'full', 'lineCut', 'noStandbyNamed']
            .concat('requestsHeld', 'standby', 'standbyAway', 'waitsCancelled')
            .map((act) => `database ${act}`),
          ['pods quarantine', 'pods rotation'],
        ]
          .flat()
          .sort(),
      );
    },
    patienceMs,
  );

  it(
    'tells the same history of a seed each time, and another one of another seed',
    async () => {
      const [first, again, other] = await Promise.all(['11', '11', '12'].map((seed) => simulator('--seed', seed)));
      expect(first?.at(-1)).toMatch(/^digest [0-9a-f]{64}$/);
      expect(first?.length).toBeGreaterThan(200);
      expect(again).toEqual(first);
      expect(other?.at(-1)).not.toBe(first?.at(-1));
    },
    patienceMs,
  );
});
