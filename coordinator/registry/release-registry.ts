import { type Fault, ok, type Result, unwrap } from '../../proto/fault.ts';
import type { Digest, FederationId } from '../../proto/ids.ts';
import type { Pins } from '../../proto/release/catalogue.ts';
import { openPins } from '../../proto/release/open.ts';
import type { BlobFaultCode } from '../blobs/blob-store.ts';
import type { Engine, StoreFaultCode } from '../engine.ts';
import type { KeyStore } from '../key-store.ts';
import type { EpochMs } from '../round/phase.ts';
import { AgentReports } from './agent-reports.ts';
import { ensureRoot } from './founding.ts';
import type { LightForm } from './publisher.ts';
import type { SignedSet } from './registry.ts';
import { RegistryKeeper } from './registry-keeper.ts';
import { byRegistry, SetSigner, type SigningTimes } from './set-signer.ts';

export type RegistryParts = Readonly<{
  engine: Engine;
  vault: KeyStore;
  build: string;
  times: SigningTimes;
  lightForm?: LightForm | undefined;
  clock?: () => EpochMs;
  /** For the operator's log: what went wrong and is tried again. */
  trouble?: (code: string, message: string) => void;
}>;

/** See registry.ts. */
export class ReleaseRegistry {
  readonly federation: FederationId;
  readonly reports: AgentReports;
  readonly #engine: Engine;
  readonly #signer: SetSigner;
  readonly #keeper: RegistryKeeper;
  readonly #followers = new Set<(set: SignedSet) => void>();
  #served: ReadonlyMap<Digest, number> = new Map();
  #servedFor: unknown;
  #pins: Pins | null = null;

  private constructor(parts: RegistryParts, signer: SetSigner) {
    const { engine, build, lightForm, clock = Date.now, trouble = () => {} } = parts;
    this.federation = engine.federation;
    this.#engine = engine;
    this.#signer = signer;
    this.reports = new AgentReports(engine, clock);
    this.#readPins(signer.served);
    this.#keeper = new RegistryKeeper({
      engine,
      build,
      lightForm,
      clock,
      trouble,
      signer,
      pins: () => this.#pins,
      signed: (set) => {
        this.#readPins(set);
        for (const listener of this.#followers) listener(set);
      },
    });
  }

  /** Founds the root where there is none, serves what was signed last, and does what is due. */
  static async open(parts: RegistryParts): Promise<Result<ReleaseRegistry, StoreFaultCode | BlobFaultCode>> {
    const { engine, vault, times, clock = Date.now } = parts;
    const rooted = await ensureRoot({ engine, vault, nowMs: clock() }, byRegistry);
    if (!rooted.ok) return rooted;
    const signer = new SetSigner({ engine, vault, times });
    await signer.restore();
    const registry = new ReleaseRegistry(parts, signer);
    registry.#keeper.wake();
    return ok(registry);
  }

  signedSet(): SignedSet | undefined {
    return this.#signer.served;
  }

  pins(): Pins | null {
    return this.#pins;
  }

  follow(listener: (set: SignedSet) => void): () => void {
    this.#followers.add(listener);
    return () => void this.#followers.delete(listener);
  }

  /** Files of releases and their manifests, as long as they are not retired. */
  servedBytes(digest: Digest): number | undefined {
    const { tracks } = this.#engine.state();
    const releases = [...tracks.values()].map(({ releasing }) => releasing.releases);
    // Built anew when a release came or went: the lists are replaced, never changed.
    const known = this.#servedFor as typeof releases | undefined;
    if (known?.length !== releases.length || releases.some((list, index) => list !== known[index])) {
      this.#servedFor = releases;
      this.#served = new Map(
        releases
          .flat()
          .flatMap(({ retired, manifest, manifestDigest, manifestBytes }) =>
            retired
              ? []
              : [
                  [manifestDigest, manifestBytes] as const,
                  ...manifest.files.map((file) => [file.digest, file.bytes] as const),
                ],
          ),
      );
    }
    return this.#served.get(digest);
  }

  /** Resolves when everything that was due is done, or does not work. */
  settled(): Promise<void> {
    return this.#keeper.settled();
  }

  trouble(): Fault | undefined {
    return this.#keeper.fault;
  }

  close(): Promise<void> {
    return this.#keeper.close();
  }

  #readPins(set: SignedSet | undefined): void {
    if (set?.pins) this.#pins = unwrap(openPins(set.pins.body, this.federation));
  }
}
