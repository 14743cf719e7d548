import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { ClusterId, FederationId, TrackId } from '../../../proto/ids.ts';
import type { ClusterImage } from '../ground/cluster-image.ts';
import type { Disk } from '../ground/disk.ts';
import type { Draws } from '../world/draws.ts';
import type { History } from '../world/history.ts';
import type { Link, Network } from '../world/network.ts';
import type { SimulatedProcess, WallClock } from '../world/process.ts';
import type { World } from '../world/world.ts';
import type { Services } from './services.ts';
import type { Witness } from './witness.ts';

export type ClusterGround = Readonly<{
  world: World;
  draws: Draws;
  history: History;
  network: Network<Services>;
  link: Link;
  disk: Disk;
  clock: WallClock;
  federation: FederationId;
  track: TrackId;
  cluster: ClusterId;
  key: SigningKeyPair;
  receiptKey: Uint8Array;
  /** Coordinators that may be there, by address. */
  addresses: number;
  witness: Witness;
}>;

/** What one life of a cluster's client is made of. */
export type ClientLife = ClusterGround & Readonly<{ process: SimulatedProcess; image: ClusterImage }>;
