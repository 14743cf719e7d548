import { ok, type Result } from '../../../base/fault.ts';
import type {
  AssignChannelRequest,
  AssignChannelResponse,
  ListChannelsRequest,
  ListChannelsResponse,
  PromoteRequest,
  PromoteResponse,
  ReleaseChange,
  RemoveChannelRequest,
  RemoveChannelResponse,
  RollBackRequest,
  RollBackResponse,
  SetChannelRequest,
  SetChannelResponse,
  UnassignChannelRequest,
  UnassignChannelResponse,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import { calls } from '../../access/calls.ts';
import {
  assignChannel,
  promote,
  removeChannel,
  rollBack,
  setChannel,
  unassignChannel,
} from '../../operations/releases.ts';
import type { Changed } from '../../registry/decide/change.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Engine } from '../../rounds/engine.ts';
import { channelsView } from '../../views/channels.ts';
import { findTrack } from '../../views/request.ts';
import type { Door } from '../door.ts';
import { askedSubject, changeMessage, subjectMessage } from './messages.ts';

const channelsMax = 64;
const assignmentsMax = 1_000;

/** Channels: which version which clusters follow. */
export function channelHandlers(door: Door<'operator'>, engine: Engine, registry: Registry) {
  return {
    listChannels: door.unary<'viewer', ListChannelsRequest, ListChannelsResponse>(
      calls.operator.listChannels,
      async ({ track: name }) => {
        const track = findTrack(engine.state(), name);
        if (!track.ok) return track;
        const { channels, assignments, floor } = channelsView(engine.state(), track.value, registry.assignments());
        return ok({
          channels: channels
            .slice(0, channelsMax)
            .map(({ version, shadows, ...row }) => ({ ...row, version: BigInt(version), shadows: shadows ?? '' })),
          assignments: assignments
            .slice(0, assignmentsMax)
            .map(({ channel, subject }) => ({ channel, subject: subjectMessage(subject) })),
          floor: BigInt(floor),
        });
      },
    ),

    assignChannel: door.unary<'operator', AssignChannelRequest, AssignChannelResponse>(
      calls.operator.assignChannel,
      async (request, { actor }) =>
        changeOnly(await assignChannel(registry, actor, { ...request, subject: askedSubject(request.subject) })),
    ),

    unassignChannel: door.unary<'operator', UnassignChannelRequest, UnassignChannelResponse>(
      calls.operator.unassignChannel,
      async (request, { actor }) =>
        changeOnly(await unassignChannel(registry, actor, { ...request, subject: askedSubject(request.subject) })),
    ),

    setChannel: door.unary<'operator', SetChannelRequest, SetChannelResponse>(
      calls.operator.setChannel,
      async ({ shadows, ...request }, { actor }) =>
        changeOnly(await setChannel(registry, actor, { ...request, shadows })),
    ),

    removeChannel: door.unary<'operator', RemoveChannelRequest, RemoveChannelResponse>(
      calls.operator.removeChannel,
      async (request, { actor }) => changeOnly(await removeChannel(registry, actor, request)),
    ),

    promote: door.unary<'operator', PromoteRequest, PromoteResponse>(
      calls.operator.promote,
      async ({ version, ...request }, { actor }) => moved(await promote(registry, actor, { ...request, version })),
    ),

    rollBack: door.unary<'operator', RollBackRequest, RollBackResponse>(
      calls.operator.rollBack,
      async ({ version, ...request }, { actor }) => moved(await rollBack(registry, actor, { ...request, version })),
    ),
  };
}

/** What most changes answer. */
export function changeOnly<Code extends string>(
  changed: Result<Changed, Code>,
): Result<{ change: ReleaseChange }, Code> {
  return changed.ok ? ok({ change: changeMessage(changed.value) }) : changed;
}

function moved<Code extends string>(changed: Result<Changed & Readonly<{ version: number }>, Code>) {
  return changed.ok ? ok({ version: BigInt(changed.value.version), change: changeMessage(changed.value) }) : changed;
}
