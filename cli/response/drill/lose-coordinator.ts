import type { Rehearsal } from './rehearsal.ts';
import {
  type Check,
  checkThat,
  type Drill,
  notMeasured,
  rehearsalNeeds,
  rehearsalUndoes,
  rehearsed,
} from './report.ts';
import { holds } from './waiting.ts';

export const loseCoordinator: Drill = {
  name: 'lose-coordinator',
  asks: 'if the coordinator is gone, do the clusters still see intruders, and does everything go on when it is back?',
  does: `${rehearsed}; kill its coordinator without a word, let an intrusion happen in one cluster, then start the coordinator again and open a round`,
  expects:
    'the cluster alarms while there is no coordinator; afterwards every cluster is connected again by itself and the round ends with a model',
  needs: rehearsalNeeds,
  undoes: rehearsalUndoes,
  isHarmless: true,
};

const alarms = 'alerts on the intrusion while the coordinator is gone';
const alarmsExpected = 'at least one';
const alarmMsMax = 60_000;
const backMsMax = 120_000;

export async function runLoseCoordinator(rehearsal: Rehearsal): Promise<readonly Check[]> {
  const { federation, cast, signal } = rehearsal;
  const [canary = ''] = cast.canaries;
  const desk = federation.desk(canary);
  const traffic = cast.traffic.get(canary) ?? [];
  const attacks = cast.attacks.get(canary) ?? [];
  // What is usual here, so that there is a threshold to be above.
  const already = await desk.scored();
  await federation.observe(canary, traffic);
  const hasLearnt = await holds(alarmMsMax, signal, async () => (await desk.scored()) >= already + warmUp);
  await settled(rehearsal, canary);
  await federation.coordinator.kill();
  const before = (await desk.alerts()).length;
  const scored = await desk.scored();
  const checks: Check[] = [];
  if (hasLearnt) {
    await federation.observe(canary, attacks);
    const isHeard = await holds(alarmMsMax, signal, async () => (await desk.alerts()).length > before);
    const judged = (await desk.scored()) - scored;
    const count = (await desk.alerts()).length - before;
    const happened = `${count} alerts in ${canary}; ${judged} traces judged, ${attacks.length} of the intrusion shown`;
    checks.push(checkThat(alarms, alarmsExpected, happened, isHeard, 'look whether the client has a release at all'));
  } else {
    checks.push(notMeasured(alarms, alarmsExpected, `${canary} judged too few traces to have a threshold`));
  }
  const sinceMs = performance.now();
  await federation.coordinator.start();
  const all = federation.clusters.length;
  const isBack = await holds(backMsMax, signal, async () => (await federation.connected()) === all);
  const tookS = ((performance.now() - sinceMs) / 1_000).toFixed(1);
  const connected = isBack ? `${all} of ${all} after ${tookS} s` : `${await federation.connected()} of ${all}`;
  const { version, answer } = await rehearsal.round();
  const ended = version === 0 ? `abandoned: ${answer.summary?.abandonedBecause ?? ''}` : `version ${version}`;
  return [
    ...checks,
    checkThat(
      'clusters that are connected again',
      'all of them, by themselves',
      connected,
      isBack,
      'look at their logs',
    ),
    checkThat(
      'the next round',
      'it ends with a model',
      ended,
      version !== 0,
      'look at the policy: quorum and deadlines',
    ),
  ];
}

/** Until all that was shown is judged: what alarms afterwards is of what is shown afterwards. */
async function settled({ federation, signal }: Rehearsal, canary: string): Promise<void> {
  const desk = federation.desk(canary);
  let [last, looks] = [-1, 0];
  await holds(alarmMsMax, signal, async () => {
    const now = await desk.scored();
    looks = now === last ? looks + 1 : 0;
    last = now;
    return looks >= settledLooks;
  });
}

/** A tenth of a second lies between two looks. */
const settledLooks = 20;

/** As the rehearsal's clients are told: a threshold wants so many scores. */
const warmUp = 20;
