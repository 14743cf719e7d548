import { unwrap } from '../../../../base/fault.ts';
import { readDirective } from '../../../../client/rounds/directives.ts';
import { digestOf } from '../../../../proto/digest.ts';
import { roundKeyPairOf } from '../../../../proto/envelope/crypto/keys.ts';
import { chunkOffset, sealedLength } from '../../../../proto/envelope/format.ts';
import { checkHeader } from '../../../../proto/envelope/header.ts';
import { createOpener } from '../../../../proto/envelope/open.ts';
import { sampleContext } from '../../../../proto/envelope/samples.ts';
import { headerFromWire, headerToWire, receiptFromWire, receiptToWire } from '../../../../proto/envelope/wire.ts';
import { Receipt } from '../../../../proto/generated/testudo/v1/common.ts';
import { UpdateHeader, WatchResponse } from '../../../../proto/generated/testudo/v1/federation.ts';
import { parseFederationId, parseTrackId } from '../../../../proto/ids.ts';
import { formatJoinToken, parseJoinToken } from '../../../../proto/join-token.ts';
import { schemaDigest, specBytes } from '../../../../proto/model-spec.ts';
import { refused, type Target, textOf } from '../target.ts';
import { sampleSpec } from './sample-spec.ts';

/** A message of the contract; what is none is refused before anybody looks into it. */
function decoded<Message>(decode: (bytes: Uint8Array) => Message, bytes: Uint8Array): Message | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

const digest = digestOf(Buffer.from('a'));

const header: Target = {
  name: 'update-header',
  words: ['syscall', 'r-7', 'f32le', 'nginx', digest],
  seeds: () =>
    [4, 4_000].flatMap((plainBytes) =>
      [[], ['nginx', 'redis']].map((classes) => {
        const said = { exampleCount: 7, payload: digest, payloadBytes: sealedLength(plainBytes), classes };
        const header = unwrap(checkHeader({ ...sampleContext(plainBytes), ...said }));
        return UpdateHeader.encode(headerToWire(header, Buffer.alloc(64, 1), 0)).finish();
      }),
    ),
  read(bytes) {
    const message = decoded(UpdateHeader.decode, bytes);
    if (message === undefined) return refused('MESSAGE_MALFORMED');
    const checked = headerFromWire(message);
    if (!checked.ok) return refused(checked.fault.code);
    return {
      kind: 'read',
      value: checked.value,
      again: UpdateHeader.encode(headerToWire(checked.value, message.signature, 0)).finish(),
    };
  },
};

const receipt: Target = {
  name: 'receipt',
  words: ['syscall', 'r-7', digest],
  seeds: () => {
    const { federation, track, round, cluster } = sampleContext(4);
    const said = { federation, track, round, cluster, payload: digest, sequence: 9, acceptedAtMs: 1_700_000_000_000 };
    return [Receipt.encode(receiptToWire(said, Buffer.alloc(64, 1))).finish()];
  },
  read(bytes) {
    const message = decoded(Receipt.decode, bytes);
    if (message === undefined) return refused('MESSAGE_MALFORMED');
    const checked = receiptFromWire(message);
    if (!checked.ok) return refused(checked.fault.code);
    const again = Receipt.encode(receiptToWire(checked.value, message.signature)).finish();
    return { kind: 'read', value: checked.value, again };
  },
};

const nowMs = 1_700_000_000_000;

/** What a coordinator that was taken over tells a client. */
const directive: Target = {
  name: 'directive',
  words: ['syscall', 'herd', 'r-8'],
  seeds: () => {
    const spec = sampleSpec();
    const schema = schemaDigest(spec);
    const plan = {
      ...{ epochs: 1, stepsMax: 10, batchSize: 32, learningRate: 0.1, clipNorm: 1, noiseMultiplier: 0, proximalMu: 0 },
      ...{ seed: 7n, sampleMix: 0, sampleDigest: '', sampleBytes: 0n },
    };
    const invitation = {
      ...{ federation: 'herd', track: 'syscall', round: 'r-7', roundKey: Buffer.from(pair.publicKey) },
      base: { track: 'syscall', version: 3n, digest, schemaDigest: schema, sizeBytes: 48n },
      spec: { schemaDigest: schema, canonicalJson: specBytes(spec) },
      ...{ closesAtMs: BigInt(nowMs + 60_000), plan, approvedClasses: ['nginx'] },
    };
    const closed = { track: 'syscall', round: 'r-7', outcome: 1, nextRound: 'r-8' };
    return [
      { $case: 'invitation', value: invitation },
      { $case: 'heartbeat', value: { nowMs: BigInt(nowMs) } },
      { $case: 'closed', value: closed },
    ].map((said) => WatchResponse.encode(WatchResponse.fromPartial({ directive: said } as never)).finish());
  },
  read(bytes) {
    const message = decoded(WatchResponse.decode, bytes);
    if (message === undefined) return refused('MESSAGE_MALFORMED');
    if (message.directive === undefined) return refused('DIRECTIVE_ABSENT');
    const read = readDirective(message.directive, {
      federation: parseFederationId('herd'),
      runs: (track) => track === parseTrackId('syscall'),
      learns: () => true,
      ...{ nowMs, coordinatorNowMs: nowMs },
    } as Parameters<typeof readDirective>[1]);
    return read.ok ? { kind: 'read', value: read.value } : refused(read.fault.code);
  },
};

const pair = roundKeyPairOf(Buffer.alloc(32, 5));
const plainBytes = 64;
/** `sealSample(plainBytes, pair)`, once: sealing draws a key of its own, and a turn is run again with equal bytes. */
const sealed = Buffer.from(
  'VFNUVQESWE9cTyi9zu0it9x5O0BjF1OY9NDRdHYhvw31Krw3VWEWnb/oxMsjuaSD5kDnoyPWYR9dz7gI9XeMnmJTYuDTYBUs0rWh5LErld9y9jME0ykHdv1e' +
    'p2tWs8IKnEP12+4aIRjLBmFBUfCqfKhQesHUEijqGjye30rYHoas3785aOJQwuRVB2ityqmL8edOayXIeZxvqzr2kYasUukyZe7MDg==',
  'base64',
);

/** Whatever opens is what was sealed: one payload, and everything near it. */
const payload: Target = {
  name: 'sealed-payload',
  // Two agreements of keys for each.
  inputsInTests: 300,
  seeds: () => [Uint8Array.from(sealed)],
  read(bytes) {
    const opener = createOpener(bytes.subarray(0, chunkOffset(0)), sampleContext(plainBytes), pair);
    if (!opener.ok) return refused(opener.fault.code);
    const plain = opener.value.openChunk(0, bytes.subarray(chunkOffset(0)));
    opener.value.wipe();
    return plain.ok
      ? { kind: 'read', value: Uint8Array.from(bytes), also: Uint8Array.from(sealed) }
      : refused(plain.fault.code);
  },
};

const token = unwrapToken();

const joinToken: Target = {
  name: 'join-token',
  seeds: () => [Buffer.from(token)],
  read(bytes) {
    const read = parseJoinToken(textOf(bytes));
    if (!read.ok) return refused(read.fault.code);
    return { kind: 'read', value: read.value, again: Buffer.from(formatJoinToken(read.value)) };
  },
};

function unwrapToken(): string {
  const said = { tokenId: 'a1', secret: 'A-_0'.repeat(8), authorityFingerprint: '0f'.repeat(32) };
  unwrap(parseJoinToken(formatJoinToken(said)));
  return formatJoinToken(said);
}

export const envelopeTargets: readonly Target[] = [header, receipt, directive, payload, joinToken];
