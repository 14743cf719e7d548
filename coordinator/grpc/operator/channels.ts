import { ok, type Result } from '../../../base/fault.ts';
import type {
  AssignChannelRequest,
  AssignChannelResponse,
  ListChannelsRequest,
  ListChannelsResponse,
  PromoteRequest,
  PromoteResponse,
  RemoveChannelRequest,
  RemoveChannelResponse,
  RollBackRequest,
  RollBackResponse,
  SetChannelRequest,
  SetChannelResponse,
  UnassignChannelRequest,
  UnassignChannelResponse,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import type { TrackId } from '../../../proto/ids.ts';
import type { Assignment } from '../../../proto/release/documents/catalogue.ts';
import { channelOf } from '../../../proto/release/resolve.ts';
import { calls } from '../../access/calls.ts';
import type { State } from '../../ledger/state/state.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import { changeMessage, readChange, readOptionalVersion, readSubject, readVersion, subjectMessage } from './changes.ts';
import { findTrack } from './releases.ts';
import { invalid } from './requests.ts';

const channelsMax = 64;
const assignmentsMax = 1_000;
const channelName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Channels: which version which clusters follow. */
export function channelHandlers(door: Door, engine: Engine, registry: Registry) {
  return {
    listChannels: door.unary<'viewer', ListChannelsRequest, ListChannelsResponse>(
      calls.operator.listChannels,
      async ({ track: name }) => {
        const track = findTrack(engine.state(), name);
        if (!track.ok) return track;
        const { channels, floor } = track.value.releasing;
        const followers = followersOf(engine.state(), track.value.track, registry.assignments());
        const rows = Object.entries(channels).sort(([a], [b]) => (a < b ? -1 : 1));
        const assignments = registry.assignments().filter((assignment) => assignment.track === track.value.track);
        return ok({
          channels: rows.slice(0, channelsMax).map(([channel, { version, shadows }]) => ({
            name: channel,
            version: BigInt(version),
            shadows: shadows ?? '',
            clusterCount: followers.get(channel) ?? 0,
          })),
          assignments: assignments
            .slice(0, assignmentsMax)
            .map(({ channel, subject }) => ({ channel, subject: subjectMessage(subject) })),
          floor: BigInt(floor),
        });
      },
    ),

    assignChannel: door.unary<'operator', AssignChannelRequest, AssignChannelResponse>(
      calls.operator.assignChannel,
      async (request, { actor }) => {
        const change = readChange(request);
        if (!change.ok) return change;
        const channel = readChannel(request.channel);
        if (!channel.ok) return channel;
        const subject = readSubject(request.subject);
        if (!subject.ok) return subject;
        const { dryRun } = request;
        const named = { ...change.value, channel: channel.value, subject: subject.value, dryRun };
        const changed = await registry.assign(actor, named);
        return changed.ok ? ok({ change: changeMessage(changed.value) }) : changed;
      },
    ),

    unassignChannel: door.unary<'operator', UnassignChannelRequest, UnassignChannelResponse>(
      calls.operator.unassignChannel,
      async (request, { actor }) => {
        const change = readChange(request);
        if (!change.ok) return change;
        const subject = readSubject(request.subject);
        if (!subject.ok) return subject;
        const { dryRun } = request;
        const changed = await registry.unassign(actor, { ...change.value, subject: subject.value, dryRun });
        return changed.ok ? ok({ change: changeMessage(changed.value) }) : changed;
      },
    ),

    setChannel: door.unary<'operator', SetChannelRequest, SetChannelResponse>(
      calls.operator.setChannel,
      async (request, { actor }) => {
        const change = readChange(request);
        if (!change.ok) return change;
        const channel = readChannel(request.channel);
        if (!channel.ok) return channel;
        const version = readVersion(request.version);
        if (!version.ok) return version;
        const { shadows, dryRun } = request;
        const named = { ...change.value, channel: channel.value, version: version.value, dryRun };
        const changed = await registry.setChannel(
          actor,
          shadows === undefined ? named : { ...named, shadows: shadows === '' ? null : shadows },
        );
        return changed.ok ? ok({ change: changeMessage(changed.value) }) : changed;
      },
    ),

    removeChannel: door.unary<'operator', RemoveChannelRequest, RemoveChannelResponse>(
      calls.operator.removeChannel,
      async (request, { actor }) => {
        const change = readChange(request);
        if (!change.ok) return change;
        const channel = readChannel(request.channel);
        if (!channel.ok) return channel;
        const { dryRun } = request;
        const changed = await registry.removeChannel(actor, { ...change.value, channel: channel.value, dryRun });
        return changed.ok ? ok({ change: changeMessage(changed.value) }) : changed;
      },
    ),

    promote: door.unary<'operator', PromoteRequest, PromoteResponse>(
      calls.operator.promote,
      async (request, { actor }) => {
        const change = readChange(request);
        if (!change.ok) return change;
        const channel = readChannel(request.channel === '' ? 'stable' : request.channel);
        if (!channel.ok) return channel;
        const version = readOptionalVersion(request.version);
        if (!version.ok) return version;
        const { dryRun } = request;
        const named = { ...change.value, ...version.value, channel: channel.value, dryRun };
        const changed = await registry.promote(actor, named);
        return changed.ok
          ? ok({ version: BigInt(changed.value.version), change: changeMessage(changed.value) })
          : changed;
      },
    ),

    rollBack: door.unary<'operator', RollBackRequest, RollBackResponse>(
      calls.operator.rollBack,
      async (request, { actor }) => {
        const change = readChange(request);
        if (!change.ok) return change;
        const version = readOptionalVersion(request.version);
        if (!version.ok) return version;
        const { dryRun } = request;
        const changed = await registry.rollBack(actor, { ...change.value, ...version.value, dryRun });
        return changed.ok
          ? ok({ version: BigInt(changed.value.version), change: changeMessage(changed.value) })
          : changed;
      },
    ),
  };
}

function readChannel(name: string): Result<string, 'REQUEST_INVALID'> {
  return channelName.test(name) ? ok(name) : invalid('channel: expected 1 to 63 of a-z, 0-9 and "-"');
}

/** How many enrolled clusters follow each channel; those that a pin holds are among them. */
function followersOf(
  { clusters }: State,
  track: TrackId,
  assignments: readonly Assignment[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { cluster, labels, status } of clusters.values()) {
    if (status !== 'enrolled') continue;
    const channel = channelOf({ cluster, labels }, track, { assignments });
    counts.set(channel, (counts.get(channel) ?? 0) + 1);
  }
  return counts;
}
