import type { Fault } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { TrackId } from '../../../proto/ids.ts';
import type { ReleaseTarget } from '../../../proto/release/documents/catalogue.ts';
import type { ReleaseProposal } from '../../../proto/release/walk.ts';
import { becauseOf } from '../held-releases.ts';
import { type Agent, type Loaded, type Prepared, runningOf } from './agent.ts';
import type { AgentEffect, Step } from './effects.ts';

type About = Readonly<{ track: TrackId | undefined; nowMs: EpochMs; target?: ReleaseTarget | undefined }>;

/** A refusal costs nothing that runs. It is told once, until something else happens. */
export function refused(fault: Fault, { track, nowMs, target }: About): (agent: Agent) => Step {
  return (agent) => {
    const known = agent.faults.get(track);
    const version = target?.version;
    const faults = new Map(agent.faults).set(track, { fault, version, atMs: nowMs });
    if (known?.fault.code === fault.code && known.version === version) {
      return { agent: { ...agent, faults }, effects: [] };
    }
    const told: AgentEffect = { kind: 'tell', event: { kind: 'refused', track, version, fault } };
    const reported = report({ ...agent, faults }, fault, track === undefined ? agent.tracks : [track], target);
    return { agent: reported.agent, effects: [told, ...reported.effects] };
  };
}

/** What was told before there was anybody to report it to. */
export function refusedByAll(fault: Fault): (agent: Agent) => Step {
  return (agent) => report(agent, fault, agent.tracks);
}

function report(agent: Agent, { code }: Fault, tracks: readonly TrackId[], target?: ReleaseTarget): Step {
  const said = new Map(agent.said);
  const effects: AgentEffect[] = [];
  for (const track of tracks) {
    // Refused metadata names no version that could be believed: the report names what runs instead.
    const about = target ?? runningOf(agent, track).live?.release.target;
    if (about === undefined) continue;
    said.delete(track);
    const word = { track, target: about, outcome: 'refused', faultCode: code } as const;
    effects.push({ kind: 'acknowledge', word: { ...word, pinsVersion: pinsVersionOf(agent) } });
  }
  return { agent: { ...agent, said }, effects };
}

export function mended(agent: Agent, track: TrackId | undefined): Agent {
  if (!agent.faults.has(track)) return agent;
  const faults = new Map(agent.faults);
  faults.delete(track);
  return { ...agent, faults };
}

/** What was committed of a track: installed or kept, in shadow, and which pins were overruled. */
export function committed(
  { track, resolution, live }: Prepared,
  { pins }: ReleaseProposal,
  what: Readonly<{ swapped: boolean; before: Loaded | null; shadowStarted: Loaded | null }>,
): (agent: Agent) => Step {
  return (agent) => {
    const { target } = live.release;
    const because = becauseOf(resolution);
    const effects: AgentEffect[] = resolution.overruled.map(({ pin, why }) => {
      return { kind: 'tell', event: { kind: 'overruled', track, pinId: pin.pinId, why } };
    });
    if (what.swapped) {
      const before = what.before?.release.target.version ?? null;
      effects.push({ kind: 'tell', event: { kind: 'installed', track, version: target.version, before, because } });
    }
    const word = { track, faultCode: '', pinsVersion: pins.version };
    const news = JSON.stringify([target.version, because, pins.version]);
    if (what.swapped || agent.said.get(track) !== news) {
      effects.push({ kind: 'acknowledge', word: { ...word, target, outcome: what.swapped ? 'installed' : 'kept' } });
    }
    if (what.shadowStarted !== null) {
      const beside = what.shadowStarted.release.target;
      const event = { kind: 'shadowing', track, version: beside.version, live: target.version } as const;
      effects.push({ kind: 'tell', event });
      effects.push({ kind: 'acknowledge', word: { ...word, target: beside, outcome: 'shadowing' } });
    }
    return { agent: { ...agent, said: new Map(agent.said).set(track, news) }, effects };
  };
}

/** Of the pins that are trusted now; 0 before there are any. */
function pinsVersionOf({ stored }: Agent): number {
  return stored.trust?.accepted?.pins?.version ?? 0;
}
