import { ok, type Result } from '../../base/fault.ts';
import { isClusterId } from '../../proto/ids.ts';
import type { Subject } from '../../proto/release/documents/catalogue.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { GateState } from '../ledger/state/releasing.ts';
import type { Changed } from '../registry/decide/change.ts';
import type { RegistryFaultCode } from '../registry/decide/faults.ts';
import type { GateView } from '../registry/decide/gate.ts';
import type { Registry } from '../registry/registry.ts';
import { checkId, checkVersion, invalid } from '../views/request.ts';
import { type Answer, checkTrackChange, labelText, type TrackChange } from './check.ts';

/** As it was asked for, before anything of it is believed. */
export type ReleaseChange = TrackChange & Readonly<{ dryRun: boolean }>;
export type AskedVersion = bigint | number;
export type AskedSubject = Readonly<{ cluster: string } | { label: Readonly<{ key: string; value: string }> }>;
type Moved = Changed & Readonly<{ version: number }>;
type ReleaseAnswer<Value> = Answer<Value, RegistryFaultCode>;

/** Moves a channel forward: stable unless named, to what canary runs unless named. */
export async function promote(
  registry: Pick<Registry, 'promote'>,
  actor: Actor,
  asked: ReleaseChange & Readonly<{ channel: string; version: AskedVersion | undefined }>,
): ReleaseAnswer<Moved> {
  const change = checkTrackChange(asked);
  if (!change.ok) return change;
  const channel = checkChannel(asked.channel === '' ? 'stable' : asked.channel);
  if (!channel.ok) return channel;
  const version = optionalVersion(asked.version);
  if (!version.ok) return version;
  const { dryRun } = asked;
  return registry.promote(actor, { ...change.value, ...version.value, channel: channel.value, dryRun });
}

/** Moves stable back, to the version before unless named. */
export async function rollBack(
  registry: Pick<Registry, 'rollBack'>,
  actor: Actor,
  asked: ReleaseChange & Readonly<{ version: AskedVersion | undefined }>,
): ReleaseAnswer<Moved> {
  const change = checkTrackChange(asked);
  if (!change.ok) return change;
  const version = optionalVersion(asked.version);
  if (!version.ok) return version;
  return registry.rollBack(actor, { ...change.value, ...version.value, dryRun: asked.dryRun });
}

export async function revokeRelease(
  registry: Pick<Registry, 'revoke'>,
  actor: Actor,
  asked: ReleaseChange & Readonly<{ version: AskedVersion }>,
): ReleaseAnswer<Changed> {
  const change = checkTrackChange(asked);
  if (!change.ok) return change;
  const version = checkVersion(asked.version);
  if (!version.ok) return version;
  return registry.revoke(actor, { ...change.value, version: version.value, dryRun: asked.dryRun });
}

/** `shadows`: undefined leaves what it is, an empty text means none. */
export async function setChannel(
  registry: Pick<Registry, 'setChannel'>,
  actor: Actor,
  asked: ReleaseChange & Readonly<{ channel: string; version: AskedVersion; shadows: string | undefined }>,
): ReleaseAnswer<Changed> {
  const change = checkTrackChange(asked);
  if (!change.ok) return change;
  const channel = checkChannel(asked.channel);
  if (!channel.ok) return channel;
  const version = checkVersion(asked.version);
  if (!version.ok) return version;
  const { shadows, dryRun } = asked;
  const named = { ...change.value, channel: channel.value, version: version.value, dryRun };
  return registry.setChannel(
    actor,
    shadows === undefined ? named : { ...named, shadows: shadows === '' ? null : shadows },
  );
}

export async function removeChannel(
  registry: Pick<Registry, 'removeChannel'>,
  actor: Actor,
  asked: ReleaseChange & Readonly<{ channel: string }>,
): ReleaseAnswer<Changed> {
  const change = checkTrackChange(asked);
  if (!change.ok) return change;
  const channel = checkChannel(asked.channel);
  if (!channel.ok) return channel;
  return registry.removeChannel(actor, { ...change.value, channel: channel.value, dryRun: asked.dryRun });
}

export async function assignChannel(
  registry: Pick<Registry, 'assign'>,
  actor: Actor,
  asked: ReleaseChange & Readonly<{ channel: string; subject: AskedSubject | undefined }>,
): ReleaseAnswer<Changed> {
  const change = checkTrackChange(asked);
  if (!change.ok) return change;
  const channel = checkChannel(asked.channel);
  if (!channel.ok) return channel;
  const subject = checkSubject(asked.subject);
  if (!subject.ok) return subject;
  const { dryRun } = asked;
  return registry.assign(actor, { ...change.value, channel: channel.value, subject: subject.value, dryRun });
}

export async function unassignChannel(
  registry: Pick<Registry, 'unassign'>,
  actor: Actor,
  asked: ReleaseChange & Readonly<{ subject: AskedSubject | undefined }>,
): ReleaseAnswer<Changed> {
  const change = checkTrackChange(asked);
  if (!change.ok) return change;
  const subject = checkSubject(asked.subject);
  if (!subject.ok) return subject;
  return registry.unassign(actor, { ...change.value, subject: subject.value, dryRun: asked.dryRun });
}

export type Overridden = Changed &
  Readonly<{
    /** Whether it is decided by now; of a dry run: whether it would be. */
    decided: boolean;
    approvals: GateState['approvals'];
    approvalsNeeded: number;
  }>;

/** A person's word against the gate's. Where the policy asks for two, the first is kept and the second decides. */
export async function overrideGate(
  registry: Pick<Registry, 'overrideGate' | 'gate'>,
  actor: Actor,
  asked: ReleaseChange & Readonly<{ version: AskedVersion; decision: 'promote' | 'reject' | undefined }>,
): ReleaseAnswer<Overridden> {
  const change = checkTrackChange(asked);
  if (!change.ok) return change;
  const version = checkVersion(asked.version);
  if (!version.ok) return version;
  const { decision, dryRun } = asked;
  if (decision === undefined) return invalid('decision: an override promotes or rejects');
  const named = { ...change.value, version: version.value, decision, dryRun };
  const changed = await registry.overrideGate(actor, named);
  if (!changed.ok) return changed;
  const gate = registry.gate(change.value.track, version.value);
  const approvals = gate?.state.approvals.filter((approval) => approval.decision === decision) ?? [];
  return ok({
    ...changed.value,
    decided: isDecided(gate, decision, dryRun, approvals.length),
    approvals,
    approvalsNeeded: gate?.approvalsNeeded ?? 1,
  });
}

/** A dry run adds nobody's word: with the caller's it would be one more. */
function isDecided(gate: GateView | undefined, wanted: string, dryRun: boolean, approvals: number): boolean {
  if (gate === undefined) return false;
  return dryRun ? approvals + 1 >= gate.approvalsNeeded : gate.state.decision?.decision === wanted;
}

/** `{ version }`, or nothing where it was left to the coordinator. */
function optionalVersion(version: AskedVersion | undefined): Result<Readonly<{ version?: number }>, 'REQUEST_INVALID'> {
  if (version === undefined) return ok({});
  const read = checkVersion(version);
  return read.ok ? ok({ version: read.value }) : read;
}

function checkChannel(name: string): Result<string, 'REQUEST_INVALID'> {
  return labelText.test(name) ? ok(name) : invalid('channel: expected 1 to 63 of a-z, 0-9 and "-"');
}

function checkSubject(subject: AskedSubject | undefined): Result<Subject, 'REQUEST_INVALID'> {
  if (subject === undefined) return invalid('subject: name a cluster or a label');
  if ('cluster' in subject) {
    const cluster = checkId('subject.cluster', subject.cluster, isClusterId);
    return cluster.ok ? ok({ cluster: cluster.value }) : cluster;
  }
  const { key, value } = subject.label;
  return labelText.test(key) && labelText.test(value)
    ? ok({ label: { key, value } })
    : invalid('subject.label: key and value of 1 to 63 of a-z, 0-9 and "-"');
}
