import { ok } from '../../base/fault.ts';
import { approvedClasses, checkDeclaredClasses, declaredClassesMax } from '../../proto/declared-classes.ts';
import { isClusterId } from '../../proto/ids.ts';
import { isOperatorName } from '../keys/spiffe.ts';
import type { Actor, Labels, OperatorRole } from '../ledger/journal/events.ts';
import type { Certified, Membership, MintedToken } from '../members/membership.ts';
import type { Engine } from '../rounds/engine.ts';
import { checkId, invalid } from '../views/request.ts';
import { type Answer, checkReason, labelText } from './check.ts';
import { positionOf, sequenceOf } from './sequence.ts';

const labelsMax = 32;
const tokenSecondsMin = 60;
const tokenSecondsMax = 2_592_000;

type Parts = Readonly<{ engine: Pick<Engine, 'state'>; membership: Membership }>;
type LabelRow = Readonly<{ key: string; value: string }>;

/** Answers where in the journal it stands, as the others here do. */
export async function revokeCluster(
  { engine, membership }: Parts,
  actor: Actor,
  { cluster, reason }: Readonly<{ cluster: string; reason: string }>,
): Answer<number, 'CLUSTER_NOT_ENROLLED'> {
  const id = checkId('cluster', cluster, isClusterId);
  if (!id.ok) return id;
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  return sequenceOf(engine, await membership.revokeCluster(actor, id.value, reason));
}

export async function setQuarantine(
  { engine, membership }: Parts,
  actor: Actor,
  { cluster, quarantined, reason }: Readonly<{ cluster: string; quarantined: boolean; reason: string }>,
): Answer<number, 'CLUSTER_NOT_ENROLLED'> {
  const id = checkId('cluster', cluster, isClusterId);
  if (!id.ok) return id;
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  return sequenceOf(engine, await membership.setQuarantine(actor, { cluster: id.value, quarantined, reason }));
}

export async function setApprovedClasses(
  { engine, membership }: Parts,
  actor: Actor,
  { cluster, classes, reason }: Readonly<{ cluster: string; classes: readonly string[]; reason: string }>,
): Answer<number, 'CLUSTER_NOT_ENROLLED' | 'CLUSTER_REVOKED'> {
  const id = checkId('cluster', cluster, isClusterId);
  if (!id.ok) return id;
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  const approved = checkDeclaredClasses(classes.toSorted());
  if (approved === undefined) {
    return invalid(`classes: at most ${declaredClassesMax} names of workload classes, each once`);
  }
  return sequenceOf(
    engine,
    await membership.setApprovedClasses(actor, { cluster: id.value, classes: approved, reason }),
  );
}

export async function setLabels(
  { engine, membership }: Parts,
  actor: Actor,
  wanted: Readonly<{ cluster: string; labels: readonly LabelRow[]; removed: readonly string[]; reason: string }>,
): Answer<Readonly<{ labels: Labels; sequence: number }>, 'CLUSTER_NOT_ENROLLED' | 'CLUSTER_REVOKED'> {
  const cluster = checkId('cluster', wanted.cluster, isClusterId);
  if (!cluster.ok) return cluster;
  const { reason, removed } = wanted;
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  const labels = labelsOf(wanted.labels);
  if (labels === undefined || removed.length > labelsMax || !removed.every((key) => labelText.test(key))) {
    return invalid(`labels: at most ${labelsMax}, keys and values of 1 to 63 of a-z, 0-9 and "-", keys differ`);
  }
  const keys = [...Object.keys(labels), ...removed];
  if (keys.some((key) => approvedClasses({ [key]: '' }).length > 0)) {
    return invalid(
      'labels: class-NAME says which classes a cluster may declare; `testudo clusters approve` changes that',
    );
  }
  const done = await membership.setLabels(actor, { cluster: cluster.value, labels, removed, reason });
  if (!done.ok) return done;
  return ok({ labels: done.value.value, sequence: positionOf(engine, done.value) });
}

export async function createToken(
  { membership }: Pick<Parts, 'membership'>,
  actor: Actor,
  wanted: Readonly<{ cluster: string; lifetimeSeconds: number; labels: readonly LabelRow[] }>,
): Answer<MintedToken, never> {
  const cluster = checkId('cluster', wanted.cluster, isClusterId);
  if (!cluster.ok) return cluster;
  const { lifetimeSeconds } = wanted;
  if (lifetimeSeconds < tokenSecondsMin || lifetimeSeconds > tokenSecondsMax) {
    return invalid(`lifetime_seconds: ${tokenSecondsMin} to ${tokenSecondsMax}, got ${lifetimeSeconds}`);
  }
  const labels = labelsOf(wanted.labels);
  if (labels === undefined) {
    return invalid(`labels: at most ${labelsMax}, keys and values of 1 to 63 of a-z, 0-9 and "-", keys differ`);
  }
  return membership.mintToken(actor, { cluster: cluster.value, lifetimeMs: lifetimeSeconds * 1000, labels });
}

export async function revokeToken(
  { engine, membership }: Parts,
  actor: Actor,
  { tokenId, reason }: Readonly<{ tokenId: string; reason: string }>,
): Answer<number, 'TOKEN_UNKNOWN' | 'TOKEN_USED'> {
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  return sequenceOf(engine, await membership.revokeToken(actor, tokenId, reason));
}

export async function addOperator(
  { membership }: Pick<Parts, 'membership'>,
  actor: Actor,
  {
    name,
    role,
    certificateRequest,
    reason,
  }: Readonly<{
    name: string;
    role: OperatorRole | undefined;
    certificateRequest: Uint8Array;
    /** Empty where an older command line asks. */
    reason: string;
  }>,
): Answer<Certified, 'CERTIFICATE_REQUEST_INVALID' | 'LAST_ADMIN'> {
  if (!isOperatorName(name)) return invalid('name: expected 1 to 63 of a-z, 0-9, "." and "-"');
  if (role === undefined) return invalid('role: expected viewer, operator or admin');
  const unreasoned = reason === '' ? undefined : checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  return membership.addOperator(actor, { name, role, request: certificateRequest, reason: reason || undefined });
}

export async function removeOperator(
  { engine, membership }: Parts,
  actor: Actor,
  { name, reason }: Readonly<{ name: string; reason: string }>,
): Answer<number, 'OPERATOR_UNKNOWN' | 'LAST_ADMIN'> {
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  return sequenceOf(engine, await membership.removeOperator(actor, name, reason));
}

function labelsOf(labels: readonly LabelRow[]): Labels | undefined {
  const legal = labels.every(({ key, value }) => labelText.test(key) && labelText.test(value));
  const byKey = new Map(labels.map(({ key, value }) => [key, value]));
  return legal && labels.length <= labelsMax && byKey.size === labels.length ? Object.fromEntries(byKey) : undefined;
}
