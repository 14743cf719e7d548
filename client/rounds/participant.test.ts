import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ok, refuse, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { Authority, makeAuthority } from '../../coordinator/keys/authority.ts';
import {
  type LoopbackFederation,
  loopbackFederationId,
  startLoopbackCoordinator,
  startLoopbackFederation,
} from '../../lab/testing/loopback-federation.ts';
import { startTcpProxy, type TcpProxy } from '../../lab/testing/tcp-proxy.ts';
import { digestOf } from '../../proto/digest.ts';
import { openFileSync, sealFileSync } from '../../proto/envelope/files/sealed-file.ts';
import { headerFromWire } from '../../proto/envelope/wire.ts';
import type { RoundInvitation } from '../../proto/generated/testudo/v1/federation.ts';
import { parseClusterId, parseTrackId } from '../../proto/ids.ts';
import { type JoinToken, parseJoinToken } from '../../proto/join-token.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import { parseAddress } from '../link/address.ts';
import { enrol } from '../link/enrol.ts';
import { type ClusterIdentity, loadIdentity, saveIdentity } from '../link/identity-store.ts';
import { recordKey } from '../storage/sealed-record.ts';
import { connectOverGrpc } from './grpc/connect.ts';
import { ModelCache } from './model-cache.ts';
import { Outbox } from './outbox.ts';
import { Uplink } from './participant.ts';
import type { UplinkTimes } from './participant-config.ts';
import type { UplinkPorts, UplinkReport } from './ports.ts';
import type { LoopbackCoordinator } from './testing/loopback-coordinator.ts';

const track = parseTrackId('syscall');
const cluster = parseClusterId('north');
const spec: ModelSpec = { architecture: 'test/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [100_000] }] };
const base = Float32Array.from({ length: 100_000 }, (_, index) => index / 1_000);
const baseBytes = Buffer.from(bytesOfValues(base));
const times: UplinkTimes = {
  reconnect: { firstMs: 20, maxMs: 100 },
  retry: { firstMs: 20, maxMs: 100 },
  silenceMsMax: 2_000,
  callTimeoutMs: 3_000,
  uploadTimeoutMs: 20_000,
  bytesPerSecondMin: 16 * 1_024,
  tickMs: 20,
};

let lifetimeMs = 3_600_000;
let folder: string;
let loopback: LoopbackFederation;
let coordinator: LoopbackCoordinator;
let proxy: TcpProxy;
const uplinks: Uplink[] = [];

beforeEach(async () => {
  lifetimeMs = 3_600_000;
  folder = await mkdtemp(join(tmpdir(), 'testudo-uplink-'));
  loopback = await startLoopbackFederation(() => lifetimeMs);
  coordinator = loopback.coordinator;
  coordinator.models.set(digestOf(baseBytes), baseBytes);
  proxy = await startTcpProxy(() => coordinator.memberPort);
});

afterEach(async () => {
  await Promise.all(uplinks.splice(0).map((uplink) => uplink.close()));
  coordinator.stop();
  await proxy.close();
  await rm(folder, { recursive: true, force: true });
});

function address(port: number) {
  return unwrap(parseAddress(`127.0.0.1:${port}`));
}

function newToken(fingerprint?: string): JoinToken {
  return unwrap(parseJoinToken(loopback.newToken(cluster, fingerprint)));
}

async function newMember(): Promise<ClusterIdentity> {
  return unwrap(await enrol(address(coordinator.enrolPort), newToken(), { timeoutMs: 600_000, timers: systemTimers }));
}

function invitation(number = 1): RoundInvitation {
  return loopback.invitation({ track, spec, baseBytes, round: `r-${number}` });
}

type Started = {
  uplink: Uplink;
  reports: UplinkReport[];
  until(kind: UplinkReport['kind'], count?: number): Promise<UplinkReport>;
};

/** An uplink through the proxy, whose training is adding 0.5 to every value of the base. */
async function startUplink(identity: ClusterIdentity, ports: Partial<UplinkPorts> = {}): Promise<Started> {
  const reports: UplinkReport[] = [];
  const waiters: { kind: string; count: number; resolve: (report: UplinkReport) => void }[] = [];
  const uplink = await Uplink.start(
    {
      addresses: [address(proxy.port)],
      connect: connectOverGrpc,
      tracks: [track],
      learns: (_, { architecture }) => architecture === spec.architecture,
      clientBuild: 'test',
      identity,
      modelsOf: () => new ModelCache(join(folder, 'models')),
      outbox: new Outbox(join(folder, 'outbox')),
      times,
    },
    {
      train: async (_, { base: path }) => {
        const values = new Float32Array((await readFile(path)).buffer.slice(0));
        return ok({ delta: values.map((value) => value + 0.5), exampleCount: 42 });
      },
      seal: async ({ values, sealedPath, context, roundPublicKey }) => {
        const plainPath = join(folder, 'plain');
        await writeFile(plainPath, bytesOfValues(values));
        return sealFileSync({ plainPath, sealedPath, context, roundPublicKey });
      },
      recover: async () => ({ kind: 'inForce', coordinatorNowMs: Date.now() }),
      saveIdentity: async () => undefined,
      unit: () => 0.5,
      timers: systemTimers,
      report: (report) => {
        reports.push(report);
        for (const waiter of waiters) {
          if (
            reports.filter(({ kind }) => kind === waiter.kind).length >= waiter.count &&
            report.kind === waiter.kind
          ) {
            waiter.resolve(report);
          }
        }
      },
      ...ports,
    },
  );
  uplinks.push(uplink);
  return {
    uplink,
    reports,
    until: (kind, count = 1) => {
      const found = reports.filter((report) => report.kind === kind)[count - 1];
      if (found !== undefined) return Promise.resolve(found);
      return new Promise((resolve) => waiters.push({ kind, count, resolve }));
    },
  };
}

/** What the coordinator accepted for a round, opened with the round's key. */
async function opened(round: string): Promise<string> {
  const accepted = coordinator.accepted.get(round);
  if (accepted === undefined) throw new Error(`${round} was not accepted`);
  const sealedPath = join(folder, 'accepted.sealed');
  const plainPath = join(folder, 'accepted.plain');
  await writeFile(sealedPath, accepted.sealed);
  const context = unwrap(headerFromWire(accepted.header));
  unwrap(openFileSync({ sealedPath, plainPath, context, round: loopback.roundKeys, payload: context.payload }));
  return digestOf(await readFile(plainPath));
}

/** A digest: comparing the values one by one would hold up the event loop that coordinator and client share here. */
const expected = digestOf(bytesOfValues(base.map((value) => value + 0.5)));

describe('enrol', () => {
  it('trades a token for an identity that the federation takes, and stores it encrypted', async () => {
    const identity = await newMember();
    expect(identity).toMatchObject({ cluster, federation: loopbackFederationId });
    const key = recordKey(Buffer.alloc(32, 3), 'identity');
    await saveIdentity(folder, key, identity);
    const bytes = await readFile(join(folder, 'identity.sealed'), 'latin1');
    expect(bytes).not.toContain('PRIVATE KEY');
    expect(unwrap(await loadIdentity(folder, key))).toEqual(identity);
    expect(await loadIdentity(folder, recordKey(Buffer.alloc(32, 4), 'identity'))).toMatchObject({
      fault: { code: 'IDENTITY_UNREADABLE', message: expect.stringContaining('new join token') },
    });
  });

  it('keeps the token to itself when the coordinator does not show the fingerprinted root', async () => {
    const token = newToken('0'.repeat(64));
    const refused = await enrol(address(coordinator.enrolPort), token, { timeoutMs: 600_000, timers: systemTimers });
    expect(refused).toMatchObject({ fault: { code: 'AUTHORITY_NOT_PRESENTED' } });
    expect(coordinator.calls).toEqual([]);
  });

  it('keeps the token to itself when somebody shows the right root above a certificate of their own', async () => {
    const theirs = await makeAuthority(loopbackFederationId, Date.now());
    const them = await Authority.load(loopbackFederationId, theirs.root.certificate, theirs.issuer);
    // The genuine root is public: anybody can append it.
    const impostor = await startLoopbackCoordinator(them, undefined, loopback.authority.rootCertificate);
    try {
      const refused = await enrol(address(impostor.enrolPort), newToken(), {
        timeoutMs: 600_000,
        timers: systemTimers,
      });
      expect(refused.ok).toBe(false);
      expect(impostor.calls).toEqual([]);
    } finally {
      impostor.stop();
    }
  });

  it('passes on why a used token is refused', async () => {
    const token = newToken();
    unwrap(await enrol(address(coordinator.enrolPort), token, { timeoutMs: 600_000, timers: systemTimers }));
    expect(
      await enrol(address(coordinator.enrolPort), token, { timeoutMs: 600_000, timers: systemTimers }),
    ).toMatchObject({
      fault: { code: 'TOKEN_INVALID' },
    });
  });

  it('says so when nobody listens', async () => {
    const { enrolPort } = coordinator;
    coordinator.stop();
    expect(await enrol(address(enrolPort), newToken(), { timeoutMs: 2_000, timers: systemTimers })).toMatchObject({
      fault: { code: 'COORDINATOR_UNREACHABLE' },
    });
  });
});

describe('Uplink', () => {
  it('fetches the base, trains, seals, delivers and keeps the bytes until the round closes', async () => {
    const { uplink, until } = await startUplink(await newMember());
    await until('connected');
    coordinator.invite(invitation());
    await until('receipted');
    expect(await opened('r-1')).toBe(expected);
    expect(coordinator.accepted.get('r-1')?.header).toMatchObject({ cluster, exampleCount: 42n });
    expect(uplink.phaseOf(track)).toMatchObject({ kind: 'delivered', sequence: 1 });
    expect(await readdir(join(folder, 'outbox', track, 'r-1'))).toContain('sealed.bin');
    coordinator.send({ $case: 'closed', value: { track, round: 'r-1', outcome: 2, nextRound: '' } });
    await until('roundClosed');
    expect(uplink.phaseOf(track)).toMatchObject({ kind: 'idle' });
    await uplink.close();
    expect(await readdir(join(folder, 'outbox', track))).toEqual([]);
  });

  it('goes on where the line was cut in the middle of an upload', async () => {
    const { until } = await startUplink(await newMember());
    await until('connected');
    proxy.cutAfter(150_000);
    coordinator.invite(invitation());
    await until('receipted');
    const offsets = coordinator.calls.filter((call) => call.startsWith('submitUpdate@'));
    expect(offsets.length).toBe(2);
    expect(offsets[0]).toBe('submitUpdate@0');
    expect(await opened('r-1')).toBe(expected);
  });

  it('resumes a download that was cut, and verifies the whole', async () => {
    const model = coordinator.models.get(digestOf(baseBytes)) as Buffer;
    const { until, uplink } = await startUplink(await newMember());
    await until('connected');
    // As an earlier attempt left it: the first 100,000 bytes.
    const path = `${new ModelCache(join(folder, 'models')).path(digestOf(baseBytes))}.part`;
    await mkdir(join(folder, 'models'), { recursive: true });
    await writeFile(path, model.subarray(0, 100_000));
    coordinator.invite(invitation());
    await until('receipted');
    expect(coordinator.calls).toContain('fetchModel@100000');
    expect(uplink.phaseOf(track)?.kind).toBe('delivered');
  });

  it('throws a model away whose digest is wrong, and asks again', async () => {
    const wrong = Buffer.from(baseBytes);
    wrong[7] = 99;
    coordinator.models.set(digestOf(baseBytes), wrong);
    const { until } = await startUplink(await newMember());
    await until('connected');
    coordinator.invite(invitation());
    expect(await until('refused')).toMatchObject({ fault: { code: 'MODEL_DIGEST_MISMATCH' }, verdict: 'retry' });
    coordinator.models.set(digestOf(baseBytes), baseBytes);
    await until('receipted');
    expect(await opened('r-1')).toBe(expected);
  });

  it('keeps the update through a restart of the coordinator and delivers the same bytes', async () => {
    coordinator.refuseWith = (call) =>
      call === 'submitUpdate' ? { code: 'JOURNAL_IO', status: status.UNAVAILABLE } : undefined;
    const { until } = await startUplink(await newMember());
    await until('connected');
    coordinator.invite(invitation());
    const kept = await until('kept');
    expect(await until('refused')).toMatchObject({ verdict: 'retry' });
    coordinator.stop();
    await until('disconnected');
    coordinator.refuseWith = () => undefined;
    await coordinator.start();
    await until('receipted');
    expect(coordinator.accepted.get('r-1')?.header.payloadDigest).toBe((kept as { payload: string }).payload);
  });

  it('delivers after a restart of its own what was kept before it', async () => {
    coordinator.refuseWith = (call) =>
      call === 'submitUpdate' ? { code: 'JOURNAL_IO', status: status.UNAVAILABLE } : undefined;
    const identity = await newMember();
    const first = await startUplink(identity);
    await first.until('connected');
    coordinator.invite(invitation());
    const kept = await first.until('kept');
    await first.uplink.close();
    coordinator.refuseWith = () => undefined;
    coordinator.invitations.clear();
    const second = await startUplink(identity, { train: async () => refuse('NO_EXAMPLES', 'must not train again') });
    await second.until('receipted');
    expect(coordinator.accepted.get('r-1')?.header.payloadDigest).toBe((kept as { payload: string }).payload);
  });

  it('offers a receipted update again to a coordinator that lost it', async () => {
    const { until } = await startUplink(await newMember());
    await until('connected');
    coordinator.invite(invitation());
    await until('receipted');
    const before = coordinator.accepted.get('r-1')?.sealed;
    coordinator.stop();
    coordinator.accepted.clear();
    await coordinator.start();
    await until('receipted', 2);
    expect(coordinator.accepted.get('r-1')?.sealed).toEqual(before);
  });

  it('does not believe a receipt of another key, nor one about another update', async () => {
    const forgeries = [
      (receipt: { signature: Buffer }) => ({ ...receipt, signature: randomBytes(64) }),
      (receipt: object) => ({ ...receipt, round: 'r-9' }),
      (receipt: object) => ({ ...receipt, payloadDigest: digestOf(Buffer.from('other')) }),
    ];
    let served = 0;
    coordinator.alterReceipt = (receipt) => {
      const forge = forgeries[served];
      served += 1;
      return forge === undefined ? receipt : (forge(receipt) as typeof receipt);
    };
    const { until, reports } = await startUplink(await newMember());
    await until('connected');
    coordinator.invite(invitation());
    await until('receipted');
    const codes = reports.flatMap((report) => (report.kind === 'refused' ? [report.fault.code] : []));
    expect(codes).toEqual(['RECEIPT_INVALID', 'RECEIPT_INVALID', 'RECEIPT_INVALID']);
  });

  it('trains again when its base is out of date', async () => {
    let refusals = 1;
    coordinator.refuseWith = (call) => {
      if (call !== 'submitUpdate' || refusals === 0) return undefined;
      refusals -= 1;
      return { code: 'BASE_MISMATCH', status: status.ABORTED };
    };
    const { until, reports } = await startUplink(await newMember());
    await until('connected');
    coordinator.invite(invitation());
    await until('receipted');
    expect(reports.filter(({ kind }) => kind === 'trained').length).toBe(2);
  });

  it('loses an attempt, and nothing else, to a disk that takes nothing', async () => {
    const kept = join(folder, 'outbox', track);
    const inTheWay = { models: join(folder, 'models'), outbox: join(folder, 'outbox'), receipt: '' };
    const { until } = await startUplink(await newMember(), {
      seal: async ({ values, sealedPath, context, roundPublicKey }) => {
        if (inTheWay.receipt !== '') await mkdir(inTheWay.receipt);
        const plainPath = join(folder, 'plain');
        await writeFile(plainPath, bytesOfValues(values));
        return sealFileSync({ plainPath, sealedPath, context, roundPublicKey });
      },
    });
    // Files where folders should be: nothing can be made there.
    await writeFile(inTheWay.models, '');
    await writeFile(inTheWay.outbox, '');
    coordinator.invite(invitation(1));
    expect(await until('refused')).toMatchObject({ verdict: 'retry', fault: { code: 'CLIENT_DISK' } });
    await rm(inTheWay.models);
    await until('fetched');
    const given = async (count: number): Promise<UplinkReport> => {
      const report = await until('refused', count);
      return report.kind === 'refused' && report.verdict === 'giveUp' ? report : given(count + 1);
    };
    expect(await given(1)).toMatchObject({ fault: { code: 'CLIENT_DISK' } });
    await rm(inTheWay.outbox);
    // A folder where a file should be.
    inTheWay.receipt = join(kept, 'r-2', 'receipt.json');
    coordinator.invite(invitation(2));
    await until('kept');
    const unkept = async (count: number): Promise<UplinkReport> => {
      const report = await until('refused', count);
      return report.kind === 'refused' && report.round === 'r-2' ? report : unkept(count + 1);
    };
    expect(await unkept(1)).toMatchObject({ verdict: 'retry', fault: { code: 'CLIENT_DISK' } });
    await rm(inTheWay.receipt, { recursive: true });
    await until('receipted');
    expect(await opened('r-2')).toBe(expected);
  });

  it('gives a round up when told so, says why, and takes the next one', async () => {
    coordinator.refuseWith = (call) =>
      call === 'submitUpdate' ? { code: 'CLUSTER_QUARANTINED', status: status.PERMISSION_DENIED } : undefined;
    const { until, uplink } = await startUplink(await newMember());
    await until('connected');
    coordinator.invite(invitation());
    expect(await until('refused')).toMatchObject({ verdict: 'giveUp', fault: { code: 'CLUSTER_QUARANTINED' } });
    expect(uplink.phaseOf(track)).toMatchObject({ kind: 'idle', code: 'CLUSTER_QUARANTINED' });
    coordinator.refuseWith = () => undefined;
    coordinator.invite(invitation(2));
    await until('receipted');
    expect([...coordinator.accepted.keys()]).toEqual(['r-2']);
  });

  it('hangs up on a peer that fell silent and comes back when the line does', async () => {
    const { until } = await startUplink(await newMember());
    await until('connected');
    proxy.freeze();
    expect(await until('disconnected')).toMatchObject({ fault: { code: 'WATCH_SILENT' } });
    proxy.cut();
    proxy.mend();
    await until('connected', 2);
  });

  it('stops training when the round is closed under it', async () => {
    let aborted: Promise<void> | undefined;
    const { until, uplink } = await startUplink(await newMember(), {
      train: async (_, __, signal) => {
        aborted = new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
        await aborted;
        return refuse('TRAINING_STOPPED', 'cancelled');
      },
    });
    await until('connected');
    coordinator.invite(invitation());
    await until('fetched');
    coordinator.send({ $case: 'closed', value: { track, round: 'r-1', outcome: 3, nextRound: '' } });
    await until('roundClosed');
    await aborted;
    expect(uplink.phaseOf(track)).toMatchObject({ kind: 'idle' });
  });

  it('delivers what it trained anew for a round, whenever the sealing for that round that was cancelled ends', async () => {
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    let isFirst = true;
    const { until, reports } = await startUplink(await newMember(), {
      seal: async ({ values, sealedPath, context, roundPublicKey }) => {
        const plainPath = join(folder, isFirst ? 'plain' : 'plain-anew');
        if (isFirst) {
          isFirst = false;
          begun.resolve();
          await goOn.promise;
        }
        await writeFile(plainPath, bytesOfValues(values));
        return sealFileSync({ plainPath, sealedPath, context, roundPublicKey });
      },
    });
    await until('connected');
    coordinator.invite(invitation());
    await begun.promise;
    // As where another signing key speaks for the cluster from now on: the round is over for what was begun, and is told anew.
    coordinator.send({ $case: 'closed', value: { track, round: 'r-1', outcome: 3, nextRound: '' } });
    await until('roundClosed');
    coordinator.invite(invitation());
    await until('trained', 2);
    goOn.resolve();
    await until('receipted');
    expect(reports.filter(({ kind }) => kind === 'refused')).toEqual([]);
    expect(await readdir(join(folder, 'outbox', track, 'r-1'))).toEqual(
      expect.arrayContaining(['receipt.json', 'sealed.bin', 'update.json']),
    );
    expect(await opened('r-1')).toBe(expected);
  });

  it('refuses an invitation whose parts disagree, and stays up', async () => {
    const { until } = await startUplink(await newMember());
    await until('connected');
    coordinator.invite({ ...invitation(), base: { ...invitation().base, sizeBytes: 8n } as never });
    expect(await until('directiveRefused')).toMatchObject({ fault: { code: 'INVITATION_INVALID' } });
    coordinator.invite(invitation(2));
    await until('receipted');
  });

  it('renews its certificate at two thirds of its life and goes on with the new one', async () => {
    lifetimeMs = 4_500;
    const saved: ClusterIdentity[] = [];
    const identity = await newMember();
    lifetimeMs = 3_600_000;
    const { until } = await startUplink(identity, {
      saveIdentity: async (renewed) => {
        saved.push(renewed);
      },
    });
    await until('renewed');
    await until('connected', 2);
    expect(saved.length).toBe(1);
    expect(saved[0]?.chainPem).not.toBe(identity.chainPem);
    coordinator.invite(invitation());
    await until('receipted');
  });
});
