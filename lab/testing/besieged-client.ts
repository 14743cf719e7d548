import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { vi } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { type RunningClient, startClient } from '../../client/client.ts';
import { parseClientConfig } from '../../client/config.ts';
import type { AgentEvent } from '../../client/releases/agent-ports.ts';
import { ReleasePress } from '../../client/releases/testing/release-press.ts';
import { TestReleases } from '../../client/releases/testing/releases-server.ts';
import type { UplinkReport } from '../../client/rounds/ports.ts';
import { gramTableSpec, initialGramTable } from '../../client/tracks/syscall/gram-table/gram-table.ts';
import type { AssembledTrace } from '../../client/tracks/syscall/traces/trace-assembler.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { pemOfChain } from '../../coordinator/keys/authority.ts';
import { digestOf } from '../../proto/digest.ts';
import type { RoundInvitation } from '../../proto/generated/testudo/v1/federation.ts';
import { parseTrackId } from '../../proto/ids.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { HostileCoordinator, type StolenCertificate } from './hostile-coordinator.ts';
import {
  type InvitationParts,
  type LoopbackFederation,
  loopbackFederationId,
  startLoopbackFederation,
} from './loopback-federation.ts';

type ReportOf<Kind extends UplinkReport['kind']> = Extract<UplinkReport, { kind: Kind }>;
type EventOf<Kind extends AgentEvent['kind']> = Extract<AgentEvent, { kind: Kind }>;

const track = parseTrackId('syscall');
const spec = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 12);
const base = Buffer.from(bytesOfValues(initialGramTable(spec)));

/** A whole client with its agent, that has installed a signed release and scores; an honest coordinator, and hostile ones in its place. */
export class BesiegedClient {
  readonly track = track;
  readonly spec = spec;
  readonly base = base;
  readonly federation: LoopbackFederation;
  readonly client: RunningClient;
  readonly folder: string;
  readonly #reports: UplinkReport[];
  readonly #events: AgentEvent[];
  readonly #heard: Set<() => void>;
  readonly #certificate: StolenCertificate;
  #rounds = 0;

  private constructor(parts: {
    federation: LoopbackFederation;
    client: RunningClient;
    folder: string;
    reports: UplinkReport[];
    events: AgentEvent[];
    heard: Set<() => void>;
    certificate: StolenCertificate;
  }) {
    this.federation = parts.federation;
    this.client = parts.client;
    this.folder = parts.folder;
    this.#reports = parts.reports;
    this.#events = parts.events;
    this.#heard = parts.heard;
    this.#certificate = parts.certificate;
  }

  static async start(): Promise<BesiegedClient> {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-besieged-'));
    const releases = new TestReleases();
    const press = new ReleasePress(loopbackFederationId, track);
    releases.fileOf = (digest) => press.files.get(digest as never);
    press.release(1, spec, initialGramTable(spec));
    press.point('stable', 1);
    releases.push(press.set());
    const federation = await startLoopbackFederation(() => 3_600_000, releases.service());
    federation.coordinator.models.set(digestOf(base), base);
    await writeFile(join(folder, 'token'), federation.newToken('north'));
    const lines = Array.from(
      { length: 30 },
      (_, at) => `train\tc01\tnginx\tnormal\tnginx.${at}\t0 1 3 ${at} 257 0 1 3`,
    );
    await writeFile(join(folder, 'traces.tsv'), `${lines.join('\n')}\n`);
    const { enrolPort, memberPort } = federation.coordinator;
    const settings = {
      dataDirectory: 'data',
      coordinator: {
        addresses: [`127.0.0.1:${memberPort}`],
        enrolAddress: `127.0.0.1:${enrolPort}`,
        reconnectSecondsMax: 0.05,
      },
      joinToken: { file: 'token' },
      sources: [{ kind: 'traceFile', path: 'traces.tsv' }],
      health: { listen: null },
    };
    const file = { path: join(folder, 'client.yaml'), text: JSON.stringify(settings) };
    const [reports, events]: [UplinkReport[], AgentEvent[]] = [[], []];
    const heard = new Set<() => void>();
    const tell = () => {
      for (const resolve of heard) resolve();
    };
    const client = unwrap(
      await startClient(unwrap(parseClientConfig({ file })), {
        log: pino({ level: 'silent' }),
        judged: true,
        onReport: (report) => {
          reports.push(report);
          tell();
        },
        onAgentEvent: (event) => {
          events.push(event);
          tell();
        },
      }),
    );
    const { authority } = federation;
    const server = await authority.issueServer([], authority.plan(Date.now(), 3_600_000, randomBytes(9)));
    const chainPem = pemOfChain(server.chain);
    const certificate = { rootPem: authority.rootCertificate, chainPem, keyPem: server.key };
    const besieged = new BesiegedClient({ federation, client, folder, reports, events, heard, certificate });
    await besieged.event('installed', ({ version }) => version === 1, 0);
    // Who has nothing to learn from gives a round up, and is not asked again.
    await vi.waitUntil(() => (client.tracks.get(track)?.buffer.counts().seen ?? 0) > 0, 600_000);
    await besieged.honestRound();
    return besieged;
  }

  /**
   * The honest coordinator goes, and a hostile one stands at its address while `siege` lasts; then the honest one is back.
   * Throws where the client stopped scoring meanwhile, or does not finish the next honest round.
   */
  async besiege(siege: (hostile: HostileCoordinator, seen: Seen) => Promise<void>): Promise<void> {
    const { coordinator } = this.federation;
    coordinator.stop();
    const hostile = await HostileCoordinator.listen(this.#certificate, { port: coordinator.memberPort });
    const seen = new Seen(this.#reports, this.#events, this.#heard);
    try {
      await siege(hostile, seen);
      await this.scores();
    } finally {
      await hostile.close();
      await coordinator.start();
    }
    await this.honestRound();
  }

  /** A legal invitation to the next round; `over` replaces what of it is to be hostile. */
  invitation(over: Partial<RoundInvitation> = {}, parts: Partial<InvitationParts> = {}): RoundInvitation {
    this.#rounds += 1;
    const whole = this.federation.invitation({ track, spec, baseBytes: base, round: `r-${this.#rounds}`, ...parts });
    return { ...whole, ...over };
  }

  /** The live release judges: 3 more are scored. */
  async scores(): Promise<void> {
    const before = await this.#scored();
    await this.client.observe(track, [1, 2, 3].map(observation));
    const scored = (await this.#scored()) - before;
    const live = this.client.agent?.liveVersion(track);
    if (scored !== 3 || live !== 1) throw new Error(`scored ${scored} of 3, with version ${live}`);
  }

  async honestRound(): Promise<void> {
    const { coordinator } = this.federation;
    const invitation = this.invitation();
    const seen = new Seen(this.#reports, this.#events, this.#heard);
    coordinator.invite(invitation);
    await seen.report('receipted', ({ round }) => round === invitation.round);
    coordinator.invitations.clear();
    coordinator.send({
      $case: 'closed',
      value: { track, round: invitation.round, outcome: 2, nextRound: '' },
    });
    await seen.report('roundClosed', ({ round }) => round === invitation.round);
  }

  async event<Kind extends AgentEvent['kind']>(
    kind: Kind,
    where: (event: EventOf<Kind>) => boolean,
    from: number,
  ): Promise<EventOf<Kind>> {
    return await new Seen(this.#reports, this.#events, this.#heard, 0, from).event(kind, where);
  }

  /** Bytes on disk below the data folder. */
  async bytesOnDisk(under: string): Promise<number> {
    const folder = join(this.folder, 'data', under);
    const names = await readdir(folder, { recursive: true });
    // Undefined for what is removed while we look.
    const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
    return found.reduce((sum, entry) => sum + (entry?.isFile() === true ? entry.size : 0), 0);
  }

  async close(): Promise<void> {
    await this.client.close();
    this.federation.coordinator.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #scored(): Promise<number> {
    return (await this.client.metrics.scored.get()).values.reduce((sum, { value }) => sum + value, 0);
  }
}

/** What a client reported since one moment. */
export class Seen {
  readonly #reports: readonly UplinkReport[];
  readonly #events: readonly AgentEvent[];
  readonly #heard: Set<() => void>;
  readonly #fromReport: number;
  readonly #fromEvent: number;

  constructor(
    reports: readonly UplinkReport[],
    events: readonly AgentEvent[],
    heard: Set<() => void>,
    fromReport = reports.length,
    fromEvent = events.length,
  ) {
    this.#reports = reports;
    this.#events = events;
    this.#heard = heard;
    this.#fromReport = fromReport;
    this.#fromEvent = fromEvent;
  }

  reports<Kind extends UplinkReport['kind']>(kind: Kind): readonly ReportOf<Kind>[] {
    return this.#reports.slice(this.#fromReport).filter((one): one is ReportOf<Kind> => one.kind === kind);
  }

  async report<Kind extends UplinkReport['kind']>(
    kind: Kind,
    where: (report: ReportOf<Kind>) => boolean = () => true,
  ): Promise<ReportOf<Kind>> {
    return await this.#until(() => this.reports(kind).find(where));
  }

  async event<Kind extends AgentEvent['kind']>(
    kind: Kind,
    where: (event: EventOf<Kind>) => boolean = () => true,
  ): Promise<EventOf<Kind>> {
    return await this.#until(() => this.events(kind).find(where));
  }

  events<Kind extends AgentEvent['kind']>(kind: Kind): readonly EventOf<Kind>[] {
    return this.#events.slice(this.#fromEvent).filter((one): one is EventOf<Kind> => one.kind === kind);
  }

  async #until<Value>(look: () => Value | undefined): Promise<Value> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const once = () => {
          this.#heard.delete(once);
          resolve();
        };
        this.#heard.add(once);
      });
    }
  }
}

function observation(number: number): AssembledTrace {
  const process = {
    ...{ node: 'n1', namespace: 'shop', workload: 'web', pod: 'web-1', container: 'web', binary: 'nginx', pid: 7 },
    workloadClass: 'nginx',
  };
  return {
    thread: `t${number}`,
    process,
    calls: Uint16Array.of(0, 1, 3, number, 5, 0, 1, 3),
    argumentClasses: new Uint16Array(8),
    firstMs: number,
    lastMs: number,
    piece: 0,
    began: number,
  };
}
