import { ok, type Result, refuse } from '../../../base/fault.ts';
import { decimalOf } from '../../../base/text/number.ts';
import { readWholeText } from '../../../base/text/read-whole.ts';
import { closedBreaker, watchBreaker } from '../../../client/response/ladder/breaker.ts';
import { type Spent, spend } from '../../../client/response/ladder/budget.ts';
import { decide } from '../../../client/response/ladder/decide.ts';
import type { Sighting } from '../../../client/response/ladder/sighting.ts';
import { parseClusterId } from '../../../proto/ids.ts';
import { firstResponsePolicy, type ResponsePolicy, readResponsePolicy } from '../../../proto/response-policy.ts';
import { type Check, checkThat, type Drill } from './report.ts';

export const alertFlood: Drill = {
  name: 'alert-flood',
  asks: 'if a bad model flagged every pod, how many would this policy let it cost before it is stopped?',
  does:
    'play a model that flags every pod again and again against a policy, in this process and no cluster: ladder, budgets and breaker are ' +
    "the agent's own, and every rule is raised to enforce",
  expects:
    'the breaker opens within a minute, and no more pods are lost than the budget of an hour allows, with or without it',
  needs: 'nothing; the policy as a file of `response policy put`, or the example policy is tried',
  undoes: 'nothing was touched',
  isHarmless: true,
};

/** With the policy of a file, or with the example. */
export function askAlertFlood({
  policy,
  pods,
}: Readonly<{ policy: string | undefined; pods: string }>): Result<readonly Check[]> {
  const count = decimalOf(pods);
  if (!(Number.isInteger(count) && count >= 1 && count <= 5_000))
    return refuse('DRILL_SETTING', '--pods: expected 1 to 5000');
  const now = Date.now();
  const first = firstResponsePolicy(now);
  if (policy === undefined) return ok(runAlertFlood(first, count, now));
  let value: unknown;
  try {
    value = JSON.parse(readWholeText(policy));
  } catch (error) {
    return refuse('FILE_REFUSED', `${policy} cannot be read as JSON: ${(error as Error).message}`);
  }
  const read = readResponsePolicy({ expiresAtMs: first.expiresAtMs, ...(value as object) });
  return read.ok ? ok(runAlertFlood(read.value, count, now)) : read;
}

const podsOfWorkload = 3;

/** What the policy would let happen to so many pods within an hour of a bad swap. */
export function runAlertFlood(written: ResponsePolicy, pods: number, startMs: number): readonly Check[] {
  const policy: ResponsePolicy = { ...written, level: 'enforce', rules: [] };
  const flood = floodOf(pods, startMs);
  const with_ = quarantined(policy, flood, pods, true);
  const without = quarantined(policy, flood, pods, false);
  const { cluster } = policy.budgets;
  const { openAfterMs } = with_;
  return [
    checkThat(
      'the breaker',
      'open within 60 s of the first alert',
      openAfterMs === null ? 'it stays closed' : `open after ${(openAfterMs / 1_000).toFixed(1)} s`,
      openAfterMs !== null && openAfterMs <= 60_000,
    ),
    checkThat(
      'pods quarantined',
      `no more than the cluster's budget of an hour, ${cluster.hour}`,
      `${with_.count} of ${pods}`,
      with_.count <= cluster.hour,
    ),
    checkThat(
      'pods quarantined, had the breaker not opened',
      `no more than ${cluster.hour} either`,
      `${without.count} of ${pods}`,
      without.count <= cluster.hour,
    ),
  ];
}

function quarantined(policy: ResponsePolicy, flood: readonly Sighting[], pods: number, hasBreaker: boolean) {
  const cluster = parseClusterId('drill');
  let breaker = closedBreaker;
  let spent: readonly Spent[] = [];
  let openAfterMs: number | null = null;
  const byPod = new Map<string, Sighting[]>();
  const heard: Sighting[] = [];
  for (const alert of flood) {
    heard.push(alert);
    byPod.set(alert.pod, [...(byPod.get(alert.pod) ?? []), alert]);
    if (hasBreaker && breaker.open === null) breaker = watchBreaker(breaker, heard, pods, policy.breaker, alert.atMs);
    if (breaker.open !== null) openAfterMs ??= alert.atMs - (flood[0]?.atMs ?? 0);
    const { namespace, workload, pod } = alert;
    const sightings = byPod.get(pod) ?? [];
    const situation = { cluster, namespace, workload, sightings, policy: ok(policy), cap: 'enforce' as const };
    const decided = decide({ ...situation, breaker, spent, pods, isApproved: false }, alert.atMs);
    if (decided.kind === 'enforce') spent = spend(spent, { uid: pod, atMs: alert.atMs, namespace, workload });
  }
  return { count: spent.length, openAfterMs };
}

/** Every pod flagged as often as the example policy wants of the largest cluster, each time by two tracks, a minute and more apart. */
function floodOf(pods: number, startMs: number): readonly Sighting[] {
  const alerts: Sighting[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    for (let number = 0; number < pods; number += 1) {
      // Each workload in a namespace of its own: only the cluster's budget is shared by all.
      const workload = `w-${Math.floor(number / podsOfWorkload)}`;
      const namespace = workload;
      const pod = `${workload}-${number}`;
      const atMs = startMs + turn * 90_000 + number * 20;
      for (const track of ['one', 'another']) {
        const id = `a-${track}-${number}-${turn}`;
        alerts.push({
          id,
          atMs,
          track,
          modelVersion: 2,
          namespace,
          workload,
          pod,
          score: 9,
          threshold: 1,
          text: 'a drill',
        });
      }
    }
  }
  return alerts;
}
