import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { DatabaseGround } from '../ground/database/database-ground.ts';
import type { CoordinatorImage, Disk } from '../ground/disk.ts';
import type { SimulatedCluster } from '../players/cluster.ts';
import type { SimulatedCoordinator } from '../players/coordinator.ts';
import type { HostileCluster } from '../players/hostile.ts';
import type { SimulatedPods } from '../players/pods.ts';
import type { Tampering } from '../players/tampering.ts';
import type { Report } from '../violation.ts';
import type { Draws } from '../world/draws.ts';
import type { History } from '../world/history.ts';
import type { Link } from '../world/network.ts';
import type { WallClock } from '../world/process.ts';
import type { World } from '../world/world.ts';
import type { JournalWatch } from './journal-watch.ts';

/** All that there is of one simulated federation, for those who look at it and those who do something to it. */
export type Stage = {
  readonly world: World;
  readonly draws: Draws;
  readonly history: History;
  readonly report: Report;
  readonly journal: JournalWatch;
  readonly image: CoordinatorImage;
  readonly disk: Disk;
  /** Where the journal lies in a database. */
  readonly database: DatabaseGround | undefined;
  readonly pods: SimulatedPods;
  readonly clock: WallClock;
  /** The one that is meant to run, and a rival. */
  readonly coordinators: readonly SimulatedCoordinator[];
  readonly members: readonly SimulatedCluster[];
  readonly memberDisks: readonly Disk[];
  readonly memberClocks: readonly WallClock[];
  readonly links: readonly Link[];
  readonly hostile: HostileCluster;
  readonly pinKey: SigningKeyPair;
  readonly tampers: Map<Link, Tampering>;
  /** Digests of blobs that a deed damaged: what is lost with them is nobody's fault. */
  readonly flipped: Set<string>;
  /** Set while a line of the journal is damaged: no epoch may come after this one. */
  damaged: Readonly<{ epoch: number }> | undefined;
  /** What coordinators' logs said. */
  readonly troubles: readonly string[];
  /** Every secret that was ever put into the key store, base64. */
  readonly secrets: Set<string>;
  /** How many refusals of updates each epoch's coordinator told. */
  readonly refused: ReadonlyMap<number, number>;
};
