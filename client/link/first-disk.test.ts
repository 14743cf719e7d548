import { randomBytes } from 'node:crypto';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { publicKeyOfRequest } from '../../base/certificates/certificate-request.ts';
import { type Fault, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { Authority, makeAuthority, pemOfChain } from '../../coordinator/keys/authority.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { HostileCoordinator } from '../../lab/testing/hostile-coordinator.ts';
import { newSigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { EnrolRequest, EnrolResponse } from '../../proto/generated/testudo/v1/enrolment.ts';
import { parseClusterId, parseFederationId } from '../../proto/ids.ts';
import { formatJoinToken } from '../../proto/join-token.ts';
import { recordKey } from '../storage/sealed-record.ts';
import { parseAddress } from './address.ts';
import { loadIdentity } from './identity-store.ts';
import { becomeMember, openComingBack } from './membership.ts';

const federation = parseFederationId('herd');
const cluster = parseClusterId('north');
const hourMs = 3_600_000;

it('a client whose disk takes no identity at its first joining waits for room, says so, and joins once', async () => {
  const made = await makeAuthority(federation, Date.now());
  const authority = await Authority.load(federation, made.root.certificate, made.issuer);
  const plan = () => authority.plan(Date.now(), hourMs, randomBytes(9));
  const { chain, key } = await authority.issueServer([], plan());
  const server = { rootPem: authority.rootCertificate, chainPem: pemOfChain(chain), keyPem: key };
  const coordinator = await HostileCoordinator.listen(server, { mutual: false });
  onTestFinished(() => coordinator.close());
  const dataDirectory = tempDir();
  // Nothing can be put in the place of a folder, as nothing can on a disk that fails.
  const inTheWay = join(dataDirectory, 'identity.sealed');
  let enrolments = 0;
  coordinator.handlers.Enrol = async (call) => {
    await call.heard();
    enrolments += 1;
    const { certificateRequest } = EnrolRequest.decode(call.received.subarray(5));
    const publicKey = unwrap(await publicKeyOfRequest(certificateRequest));
    const certificateChain = await authority.issue({ kind: 'cluster', federation, cluster }, publicKey, plan());
    mkdirSync(inTheWay);
    call.answer(EnrolResponse, {
      ...{ cluster, federation, certificateChain: certificateChain.map(Buffer.from) },
      receiptKey: Buffer.from(newSigningKeyPair().publicKey),
      ...{ expiresAtMs: 0n, issuedAtMs: BigInt(Date.now()) },
    });
  };
  const secret = randomBytes(24).toString('base64url');
  const path = join(tempDir(), 'token');
  writeFileSync(path, formatJoinToken({ tokenId: 't1', secret, authorityFingerprint: authority.fingerprint }));
  const settings = {
    dataDirectory,
    joinToken: { kind: 'file', path },
    coordinator: { addresses: [unwrap(parseAddress(`127.0.0.1:${coordinator.port}`))], reconnectSecondsMax: 1 },
  } as const;
  const dataKey = randomBytes(32);
  const faults: Fault[] = [];
  const failed = (fault: Fault) => {
    if (faults.push(fault) === 2) rmdirSync(inTheWay);
  };
  const back = openComingBack(settings, dataKey, systemTimers);
  const log = pino({ level: 'silent' });
  const signal = new AbortController().signal;
  const member = unwrap(await becomeMember(settings, dataKey, log, signal, systemTimers, back, failed));
  expect(faults.map(({ code }) => code)).toEqual(['CLIENT_DISK', 'CLIENT_DISK']);
  expect(faults[0]?.message).toContain('make room in the data directory');
  expect(enrolments).toBe(1);
  expect(await loadIdentity(dataDirectory, recordKey(dataKey, 'identity'))).toEqual({ ok: true, value: member });
});
