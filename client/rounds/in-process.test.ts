import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FaultError, ok, refuse, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { ConcurrencyLimit } from '../../coordinator/access/concurrency-limit.ts';
import { FileFetches } from '../../coordinator/grpc/federation/file-fetches.ts';
import { servedModelBytes } from '../../coordinator/grpc/federation/models.ts';
import { Watchers } from '../../coordinator/grpc/federation/watch.ts';
import { UpdateIntake } from '../../coordinator/grpc/updates/update-intake.ts';
import { UploadGate } from '../../coordinator/grpc/updates/upload-gate.ts';
import { openCoordinatorKeys } from '../../coordinator/keys/coordinator-keys.ts';
import { Membership } from '../../coordinator/members/membership.ts';
import { Metrics } from '../../coordinator/observability/metrics.ts';
import { RoundTraces } from '../../coordinator/observability/round-traces.ts';
import { deltaOf } from '../../coordinator/testing/small-client.ts';
import {
  clusters,
  federation,
  openSmallFederation,
  operator,
  track,
} from '../../coordinator/testing/small-federation.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { roundEnd } from '../../coordinator/testing/wait.ts';
import { newSigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { signEnrolment } from '../../proto/envelope/enrolment-proof.ts';
import { sealFileSync } from '../../proto/envelope/files/sealed-file.ts';
import { FetchModelResponse } from '../../proto/generated/testudo/v1/federation.ts';
import type { ClusterId } from '../../proto/ids.ts';
import { parseJoinToken } from '../../proto/join-token.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { parseAddress } from '../link/address.ts';
import { newCertificateRequest } from '../link/certificate-request.ts';
import { acceptChain } from '../link/certificates.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';
import { ModelCache } from './model-cache.ts';
import { Outbox } from './outbox.ts';
import { Uplink } from './participant.ts';
import { defaultUplinkTimes } from './participant-config.ts';
import type { ConnectToRounds } from './round-calls.ts';

const hourMs = 3_600_000;

/** The real engine and what stands behind its gRPC services, and a way to them that is neither gRPC nor a socket. */
async function openCoordinator() {
  const dataDir = join(tempDir(), 'data');
  const { vault, authority, receiptKey } = unwrap(
    await openCoordinatorKeys(dataDir, federation, 'a master key', Date.now()),
  );
  const engine = await openSmallFederation(dataDir, { keyStore: vault, members: [] });
  onTestFinished(() => engine.close());
  const timers = systemTimers;
  const metrics = new Metrics();
  const pace = { idleMsMax: 10_000, graceMs: 10_000, bytesPerSecondMin: 1 };
  const caps = { atOnceMax: 10, perPeerMax: 2, waitingMax: 10 };
  const gate = new UploadGate({ ...caps, attemptsMax: 10 });
  const intake = new UpdateIntake({ engine, gate, pace, receiptKey, metrics, traces: new RoundTraces(), timers });
  const limit = new ConcurrencyLimit('FETCHES_BUSY', caps);
  const sizeOf = (digest: Parameters<typeof servedModelBytes>[1]) => servedModelBytes(engine.state(), digest);
  const fetches = new FileFetches({ blobs: engine.blobs, sizeOf, limit, pace, metrics, timers });
  const watchers = new Watchers(engine, new ConcurrencyLimit('WATCHES_BUSY', caps), 20_000, timers);

  const connect: ConnectToRounds = (_address, { cluster }) => {
    const stopped = refuse('STOPPED', 'the connection was closed').fault;
    const closing = new AbortController();
    return {
      async watch({ tracks, clientBuild, signal, onDirective }) {
        signal.addEventListener('abort', () => closing.abort(stopped), { once: true });
        if (signal.aborted) closing.abort(stopped);
        const request = { tracks: [...tracks], clientBuild };
        const send = async ({ directive }: { directive?: Parameters<typeof onDirective>[0] | undefined }) => {
          if (directive !== undefined && !closing.signal.aborted) onDirective(directive);
          return !closing.signal.aborted;
        };
        const served = await watchers.watch(cluster, request, send, closing.signal);
        return served.ok ? stopped : served.fault;
      },
      fetch(request) {
        const abort = new AbortController();
        const pieces = new PassThrough({ objectMode: true, highWaterMark: 1 });
        const send = async (message: Buffer) => {
          if (!pieces.write(FetchModelResponse.decode(message))) await once(pieces, 'drain', { signal: abort.signal });
          return !abort.signal.aborted;
        };
        void fetches.fetch(cluster, request, send, abort.signal).then((served) => {
          if (served.ok) pieces.end();
          else pieces.destroy(new FaultError(served.fault));
        });
        return Object.assign(pieces, { cancel: () => abort.abort(stopped) });
      },
      status: (request) => intake.status(cluster, request),
      async submit(parts, { signal }) {
        const iterator = parts[Symbol.asyncIterator]();
        const next = async () => {
          const { done, value } = await iterator.next();
          return done ? ({ kind: 'end' } as const) : ({ kind: 'message', message: { part: value } } as const);
        };
        const receipt = await intake.submit(cluster, { next }, signal);
        await iterator.return?.();
        return receipt.ok ? ok({ receipt: receipt.value }) : receipt;
      },
      renew: async () => refuse('GRPC_UNAVAILABLE', 'no certificate is renewed here'),
      close: () => closing.abort(stopped),
    };
  };

  const lifetimes = { clusterMs: hourMs, operatorMs: hourMs };
  const membership = new Membership(engine, authority, lifetimes, timers.now);
  const enrol = async (cluster: ClusterId): Promise<ClusterIdentity> => {
    const minted = unwrap(await membership.mintToken(operator, { cluster, lifetimeMs: hourMs, labels: {} }));
    const request = await newCertificateRequest();
    const signing = newSigningKeyPair();
    const { secret } = unwrap(parseJoinToken(minted.text));
    const proof = signEnrolment(request.der, signing);
    const applicant = { secret, request: request.der, signingKey: signing.publicKey, proof };
    const { chain } = unwrap(await membership.enrol(operator, applicant));
    const authorityPem = authority.rootCertificate;
    return {
      federation,
      cluster,
      authorityPem,
      chainPem: unwrap(acceptChain(chain, { tlsKeyPem: request.keyPem, authorityPem, federation, cluster })),
      certifiedAtMs: Date.now(),
      tlsKeyPem: request.keyPem,
      signingSeed: signing.secretKey.slice(0, 32),
      receiptKey: receiptKey.publicKey,
    };
  };
  return { engine, connect, enrol };
}

it('participants bring a round to its candidate in one process, with no socket between them and the coordinator', async () => {
  const listening = vi.spyOn(createServer().constructor.prototype, 'listen');
  onTestFinished(() => listening.mockRestore());
  const { engine, connect, enrol } = await openCoordinator();
  const reports: string[] = [];
  for (const cluster of clusters) {
    const folder = tempDir();
    const uplink = await Uplink.start(
      {
        addresses: [unwrap(parseAddress('127.0.0.1:1'))],
        connect,
        tracks: [track],
        learns: () => true,
        clientBuild: 'test',
        identity: await enrol(cluster),
        modelsOf: () => new ModelCache(join(folder, 'models')),
        outbox: new Outbox(join(folder, 'outbox')),
        times: defaultUplinkTimes,
      },
      {
        train: async ({ round }, basePath) => {
          expect((await readFile(basePath)).length).toBe(1_200);
          return ok({ delta: deltaOf(cluster, round), exampleCount: 42 });
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
        report: ({ kind }) => reports.push(kind),
      },
    );
    onTestFinished(() => uplink.close());
  }
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  const { phase } = await roundEnd(engine, 'r-1');
  expect(phase).toMatchObject({ kind: 'candidate' });
  // The candidate of these deltas, whatever carries them: see the contract of backends.
  expect(engine.state().tracks.get(track)?.models[1]?.digest).toBe(
    'sha256:1e70e39127ec9cf2222281ce1ac455b895963eb9ef62736835ce9cdde58650d9',
  );
  expect(reports.filter((kind) => kind === 'kept')).toHaveLength(clusters.length);
  expect(listening).not.toHaveBeenCalled();
});
