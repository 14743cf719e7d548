import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { type Address, parseAddress } from '../../client/link/address.ts';
import { enrol } from '../../client/link/enrol.ts';
import type { ClusterIdentity } from '../../client/link/identity-store.ts';
import { AgentRig, type RigParts } from '../../client/releases/testing/agent-rig.ts';
import { ReleasePress } from '../../client/releases/testing/release-press.ts';
import { TestReleases } from '../../client/releases/testing/releases-server.ts';
import type { TrackId } from '../../proto/ids.ts';
import { parseJoinToken } from '../../proto/join-token.ts';
import { type LoopbackFederation, loopbackFederationId, startLoopbackFederation } from './loopback-federation.ts';

/** A coordinator on loopback that serves what a press has signed, and a cluster that is its member: where release agents are tried. */
export class ReleaseGround {
  readonly folder: string;
  readonly loopback: LoopbackFederation;
  readonly server: TestReleases;
  readonly press: ReleasePress;
  readonly identity: ClusterIdentity;
  readonly #track: TrackId;
  readonly #rigs: AgentRig[] = [];

  private constructor(
    track: TrackId,
    parts: Pick<ReleaseGround, 'folder' | 'loopback' | 'server' | 'press' | 'identity'>,
  ) {
    this.#track = track;
    this.folder = parts.folder;
    this.loopback = parts.loopback;
    this.server = parts.server;
    this.press = parts.press;
    this.identity = parts.identity;
  }

  static async open(track: TrackId): Promise<ReleaseGround> {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-agent-'));
    const server = new TestReleases();
    const press = new ReleasePress(loopbackFederationId, track);
    server.fileOf = (digest) => press.files.get(digest as never);
    const loopback = await startLoopbackFederation(() => 3_600_000, server.service());
    const identity = await enrolled(loopback);
    return new ReleaseGround(track, { folder, loopback, server, press, identity });
  }

  /** Where members call. */
  get address(): Address {
    return addressOf(this.loopback.coordinator.memberPort);
  }

  /** An agent of the member, which ends with the ground. */
  async agent(over: Partial<RigParts> = {}): Promise<AgentRig> {
    const { folder, address, identity } = this;
    const rig = await AgentRig.open({ folder, address, track: this.#track, identity, ...over });
    this.#rigs.push(rig);
    return rig;
  }

  async close(): Promise<void> {
    await Promise.all(this.#rigs.map(({ agent }) => agent.close()));
    this.loopback.coordinator.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The cluster "north", a member from now on. */
export async function enrolled({ coordinator, newToken }: LoopbackFederation): Promise<ClusterIdentity> {
  const token = unwrap(parseJoinToken(newToken('north')));
  return unwrap(await enrol(addressOf(coordinator.enrolPort), token, { timeoutMs: 5_000, timers: systemTimers }));
}

export function addressOf(port: number): Address {
  return unwrap(parseAddress(`127.0.0.1:${port}`));
}
