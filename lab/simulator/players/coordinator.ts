import { FaultError, unwrap } from '../../../base/fault.ts';
import type { AggregationJob } from '../../../coordinator/candidate/job.ts';
import { Registry } from '../../../coordinator/registry/registry.ts';
import { startEngine } from '../../../coordinator/rounds/start-engine.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { FederationId } from '../../../proto/ids.ts';
import { DiskBlobs } from '../ground/blob-disk.ts';
import type { CoordinatorImage, Disk } from '../ground/disk.ts';
import type { Opened, Opening } from '../ground/opened.ts';
import type { Draws } from '../world/draws.ts';
import type { History } from '../world/history.ts';
import type { Host } from '../world/network.ts';
import { SimulatedProcess, type WallClock } from '../world/process.ts';
import type { World } from '../world/world.ts';
import { simulatedRunner } from './aggregation.ts';
import { type Services, servicesOf } from './services.ts';

const hourMs = 3_600_000;
export const watchdogMs = 600_000;
const signingTimes = {
  timestampLifeMs: 24 * hourMs,
  timestampEveryMs: 8 * hourMs,
  catalogueLifeMs: 90 * 24 * hourMs,
};

export type CoordinatorGround = Readonly<{
  world: World;
  draws: Draws;
  history: History;
  image: CoordinatorImage;
  disk: Disk;
  clock: WallClock;
  federation: FederationId;
  receiptKey: SigningKeyPair;
  /** What the coordinator's log would say. */
  trouble: (code: string, message: string) => void;
  /** Opens the journal and the keys of the named coordinator. */
  openLedger: (name: string, process: SimulatedProcess, opening: Opening) => Promise<Opened>;
  keyPut: Opening['keyPut'];
  acknowledged: Opening['acknowledged'];
  jobBegan: (job: AggregationJob) => void;
}>;

/** A coordinator on a machine that starts it again whenever it has died, as a cluster's control plane does. */
export class SimulatedCoordinator {
  readonly name: string;
  /** Who serves now; undefined while none does. */
  host: Host<Services> | undefined;
  /** The life that began last, whether it serves yet or not. */
  process: SimulatedProcess | undefined;
  readonly #ground: CoordinatorGround;
  /** How it opens its journal. */
  how: Opening['how'] = 'alone';
  #isWanted = false;
  #failures = 0;

  constructor(name: string, ground: CoordinatorGround) {
    this.name = name;
    this.#ground = ground;
  }

  /** Is kept running from now on. */
  start(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    if (this.process?.isAlive !== true) this.#boot();
  }

  /** Is killed, and not started again. */
  stop(): void {
    this.#isWanted = false;
    this.process?.kill();
  }

  /** Goes on, and is not started again once it has ended. */
  leaveAlone(): void {
    this.#isWanted = false;
  }

  /** Is killed, and started again after a while. */
  kill(): void {
    this.process?.kill();
  }

  #boot(): void {
    const { world, clock, history, draws } = this.#ground;
    const process = new SimulatedProcess(this.name, world, clock);
    this.process = process;
    history.note(this.name, 'starts');
    process.onDeath(() => {
      history.note(this.name, 'is dead');
      this.host = undefined;
      if (!this.#isWanted) return;
      const backoffMs = Math.min(60_000, 2_000 * 2 ** Math.min(this.#failures, 5));
      world.after(draws.between(`restart ${this.name}`, 500, backoffMs), () => {
        if (this.#isWanted && this.process?.isAlive !== true) this.#boot();
      });
    });
    this.#open(process).catch((error: unknown) => {
      // Whatever keeps it from starting ends the process, with a line in its log.
      this.#failures += 1;
      history.note(this.name, `does not start: ${error instanceof FaultError ? error.fault.code : String(error)}`);
      process.kill();
    });
  }

  async #open(process: SimulatedProcess): Promise<void> {
    const { image, disk, federation, receiptKey, draws, history, trouble, jobBegan } = this.#ground;
    const { openLedger, keyPut, acknowledged } = this.#ground;
    const { timers } = process;
    const blobs = new DiskBlobs(image, disk, process);
    const opening = { how: this.how, keyPut, acknowledged };
    const { journal, keyStore, folded } = await openLedger(this.name, process, opening);
    const said = (code: string, message: string) => {
      history.note(this.name, `says ${code}`);
      trouble(code, message);
    };
    const engine = unwrap(
      await startEngine(
        { federation, build: 'simulated', keyStore, timers, trouble: said, watchdogMs, snapshotEvery: 20, folded },
        {
          journal,
          openBlobs: async () => blobs,
          places: { blobs: { kind: 'files', dir: 'nowhere' }, scratchDir: 'nowhere' },
          openRunner: async () => simulatedRunner({ blobs, keyStore, process, draws, began: jobBegan }),
          release: async () => {},
        },
      ),
    );
    void engine.halted.then(({ code }) => {
      history.note(this.name, `halts: ${code}`);
      process.deliver(50, () => process.kill());
    });
    const registry = unwrap(
      await Registry.open({
        store: engine,
        vault: keyStore,
        build: 'simulated',
        timers,
        times: signingTimes,
        trouble: said,
      }),
    );
    this.#failures = 0;
    history.note(this.name, `serves, epoch ${engine.epoch}`);
    this.host = { process, services: servicesOf(engine, registry, receiptKey, timers) };
  }
}
