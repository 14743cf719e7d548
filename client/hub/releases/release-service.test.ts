import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import { takenEncodings, unpackChunk } from '../../../proto/chunk-encoding.ts';
import { digestOf } from '../../../proto/digest.ts';
import {
  type ChunkEncoding,
  type FetchFileResponse,
  ReleasesClient,
} from '../../../proto/generated/testudo/v1/releases.ts';
import { type Fetcher, ReleaseFileServer, relayedReleases } from './release-service.ts';

/** Longer than what lies in the buffers of both ends: who does not read holds its place. */
const file = Buffer.alloc(12 << 20, 'light form');
const digest = digestOf(file);
/** As many as a hub sends at once would take seconds to fill. */
const together = 4;
const limits = { fetchesMax: together, ofPeerMax: 2, stallMs: 20_000 };

let folder: string;
let files: ReleaseFileServer;
let server: Server;
let timers: SimulatedTimers;
let client: ReleasesClient;
let refused: string[];
let taken: number;
/** Of each call that was served: whether its other end takes nothing, and after how much. */
let standing: (() => number | undefined)[];
/** Who asks. */
let peer: () => string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-files-'));
  await writeFile(join(folder, 'file'), file);
  [timers, refused, taken, standing] = [new SimulatedTimers(), [], 0, []];
  peer = () => `node-${taken}`;
  files = fileServer(limits);
  server = new Server();
  server.addService(relayedReleases, {
    fetchFile: (call: Fetcher) => {
      taken += 1;
      standing.push(standstillOf(call));
      void files.serve(call, peer()).then((served) => {
        if (!served.ok) refused.push(served.fault.code);
        call.end();
      });
    },
  } as never);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  client = new ReleasesClient(`127.0.0.1:${port}`, credentials.createInsecure());
});
afterEach(async () => {
  client.close();
  server.forceShutdown();
  await rm(folder, { recursive: true, force: true });
});

function fileServer(limited: typeof limits): ReleaseFileServer {
  return new ReleaseFileServer(() => join(folder, 'file'), timers, new AbortController().signal, limited);
}

type Fetching = ReturnType<typeof fetchFile>;

/** One that reads the first piece, and no more before it is told to. */
function fetchFile() {
  const call = client.fetchFile({ digest, offset: 0n, encodings: [] });
  const began = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<number>();
  let bytes = 0;
  call.on('data', ({ chunk }: FetchFileResponse) => {
    if (bytes === 0) call.pause();
    bytes += chunk.length;
    began.resolve();
  });
  call.on('error', () => undefined);
  call.on('end', () => ended.resolve(bytes));
  return { began: began.promise, ended: ended.promise, readOn: () => call.resume(), hangUp: () => call.cancel() };
}

/** Resolves when so many calls in all have come, and so many of them wait for a place. */
async function inLine(calls: number, waiting: number): Promise<void> {
  await vi.waitFor(() => expect([taken, files.waiting]).toEqual([calls, waiting]), { timeout: 60_000, interval: 5 });
}

/** How many pieces were written to it, while the last of them waits for the other end to take it; undefined while none does. */
function standstillOf(call: Fetcher): () => number | undefined {
  let [written, waits] = [0, false];
  const write = call.write.bind(call);
  call.write = ((message: Buffer, done: () => void) => {
    [written, waits] = [written + 1, true];
    return write(message, () => {
      waits = false;
      done();
    });
  }) as typeof call.write;
  return () => (waits ? written : undefined);
}

/** Resolves when nobody has taken anything for a hundred turns of the event loop, which turns for both ends. */
async function stoodStill(): Promise<void> {
  for (let [turns, last] = [0, '']; turns < 100; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    const [now, goesOn] = [standing.map((of) => of()).join(), standing.some((of) => of() === undefined)];
    if (goesOn || now !== last) turns = 0;
    last = now;
  }
}

it('lets one sensor more than it sends to at once wait its turn, keeps no place for who hangs up in the line, and lets nobody wait for ever', async () => {
  files = fileServer({ ...limits, stallMs: 86_400_000 });
  const all = Array.from({ length: together }, fetchFile);
  await Promise.all(all.map(({ began }) => began));
  const [first, second] = all as [Fetching, Fetching];
  const gone = fetchFile();
  await inLine(together + 1, 1);
  gone.hangUp();
  await inLine(together + 1, 0);

  const late = fetchFile();
  await inLine(together + 2, 1);
  first.readOn();
  expect(await first.ended).toBe(file.length);
  await late.began; // Nobody else has read on: it has the first one's place.
  late.readOn();
  expect(await late.ended).toBe(file.length);
  expect(refused).toEqual(['FETCHES_BUSY']); // Who hung up.
  expect(files.waiting).toBe(0);

  const next = fetchFile(); // Takes the place that is free now.
  await next.began;
  const last = fetchFile();
  await inLine(together + 4, 1);
  await timers.advance(50_000);
  expect(await last.ended).toBe(0);
  expect(refused).toEqual(['FETCHES_BUSY', 'FETCHES_BUSY']);
  second.readOn();
  expect(await second.ended).toBe(file.length);
});

it('packs what it sends for who takes it packed, from any offset, and for nobody else', async () => {
  const fetched = async (encodings: readonly ChunkEncoding[], from: number) => {
    let [at, sentBytes] = [from, 0];
    const call = client.fetchFile({ digest, offset: BigInt(from), encodings: [...encodings] });
    for await (const { offset, sizeBytes, ...packed } of call as AsyncIterable<FetchFileResponse>) {
      expect([offset, sizeBytes]).toEqual([BigInt(at), BigInt(file.length)]);
      const chunk = unwrap(unpackChunk(packed));
      expect(chunk.equals(file.subarray(at, at + chunk.length))).toBe(true);
      [at, sentBytes] = [at + chunk.length, sentBytes + packed.chunk.length];
    }
    expect(at).toBe(file.length);
    return sentBytes;
  };
  const [, plain, packed] = await Promise.all([
    fetched([99 as ChunkEncoding], file.length - 1_000),
    fetched([], 0),
    fetched(takenEncodings, 0),
    fetched(takenEncodings, file.length - 300_001),
  ]);
  expect(plain).toBe(file.length);
  expect(packed).toBeLessThan(file.length / 100);
});

it('sends to others while one sensor asks for more than it reads, and refuses that one at once', async () => {
  peer = () => 'node-a';
  const stalled = Array.from({ length: limits.ofPeerMax }, fetchFile);
  await Promise.all(stalled.map(({ began }) => began));
  for (let more = 1; more <= together; more++) expect(await fetchFile().ended).toBe(0);
  expect(refused).toEqual(Array(together).fill('FETCHES_BUSY'));
  expect(files.waiting).toBe(0); // None of them waits in the line.

  peer = () => 'node-b';
  const other = fetchFile();
  await other.began;
  other.readOn();
  expect(await other.ended).toBe(file.length);

  peer = () => 'node-a';
  stalled[0]?.readOn();
  expect(await stalled[0]?.ended).toBe(file.length);
  await fetchFile().began;
});

it('gives the places of those who stand still to who waits, and counts their calls against them until they hang up', async () => {
  const nodes = ['node-a', 'node-a', 'node-b', 'node-c'];
  peer = () => nodes[taken - 1] ?? 'node-d';
  const [first, ...others] = nodes.map(fetchFile) as [Fetching, ...Fetching[]];
  await Promise.all([first, ...others].map(({ began }) => began));
  await stoodStill();
  const honest = fetchFile();
  await inLine(5, 1);
  await timers.advance(limits.stallMs - 1);
  expect([refused, files.waiting]).toEqual([[], 1]);
  await timers.advance(1);
  expect(refused).toEqual(Array(4).fill('PEER_TOO_SLOW'));
  await honest.began;
  honest.readOn();
  expect(await honest.ended).toBe(file.length);

  peer = () => 'node-a';
  expect(await fetchFile().ended).toBe(0);
  expect(refused.slice(4)).toEqual(['FETCHES_BUSY']);
  first.hangUp();
  await vi.waitFor(
    async () => {
      const again = fetchFile();
      expect(await Promise.race([again.began.then(() => 'began'), again.ended])).toBe('began');
    },
    { timeout: 60_000, interval: 5 },
  );
});
