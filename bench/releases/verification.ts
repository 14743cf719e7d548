import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { ReleasePress } from '../../client/releases/testing/release-press.ts';
import { digestOf } from '../../proto/digest.ts';
import { parseClusterId, parseFederationId, parseTrackId } from '../../proto/ids.ts';
import { openManifest } from '../../proto/release/documents/manifest.ts';
import { resolveRelease } from '../../proto/release/resolve.ts';
import { anchorTrust } from '../../proto/release/trust.ts';
import { walkReleases } from '../../proto/release/walk.ts';
import type { BenchOptions } from '../harness/bench.ts';
import { startOthersMeter } from '../harness/machine.ts';
import { figure, interleave, median } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';

/** How many float32 a release has: 1.2 MB, or little. */
export const releaseValues = (small: boolean) => (small ? 3_000 : 300_000);
/** So many bytes these values are, as the names of cases have it: 1.2e6. */
export const bytesOf = (values: number) => (4 * values).toExponential().replace('+', '');
const barMs = 5;
const releases = 50;

/** Everything an agent checks of a new release but its files' bytes, beside reading and hashing those. */
export async function measureVerification({ small, repeat }: BenchOptions, report: Report): Promise<void> {
  const values = releaseValues(small);
  const federation = parseFederationId('herd');
  const track = parseTrackId('syscall');
  const press = new ReleasePress(federation, track);
  const spec = { architecture: 'bench/1', hyperparameters: {}, tensors: [{ name: 'weights', shape: [values] }] };
  // A catalogue of a year of weekly releases; only the newest one's bytes differ in what is read below.
  for (let version = 0; version < releases; version += 1) {
    press.release(version, spec, new Float32Array(values).fill(version));
  }
  press.point('stable', releases - 1);
  const { roots, ...rest } = press.set();
  const received = { ...rest, roots: [] };
  const trust = unwrap(anchorTrust(roots[0] as Buffer));
  const member = { cluster: parseClusterId('north'), labels: {} };
  const nowMs = Date.now();
  const verify = () => {
    const first = unwrap(walkReleases(trust, received, nowMs).result);
    if (first === null) throw new Error('the set is not whole');
    const { live } = unwrap(resolveRelease(member, track, first.catalogue, first.pins, nowMs));
    const manifest = unwrap(openManifest(press.files.get(live.manifest.digest) as Buffer, live, federation));
    unwrap(walkReleases(trust, received, nowMs).result);
    return manifest;
  };
  const manifest = verify();
  if (manifest.version !== releases - 1) throw new Error('the newest release was not found');
  const flipped = Buffer.from(received.catalogue);
  flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] as number) ^ 1;
  if (walkReleases(trust, { ...received, catalogue: flipped }, nowMs).result.ok)
    throw new Error('a flipped byte passed');

  const folder = await mkdtemp(join(tmpdir(), 'testudo-bench-'));
  const others = startOthersMeter();
  try {
    const weights = manifest.files.find(({ name }) => name === 'weights.bin');
    const path = join(folder, 'weights.bin');
    await writeFile(path, press.files.get(weights?.digest as never) as Buffer);
    const read = async () => {
      if (digestOf(await readFile(path)) !== weights?.digest) throw new Error('the file changed');
    };
    const seconds = await interleave({ verify, read }, small ? 3 : Math.max(repeat, 5) * 20);
    const [verifyMs, readMs] = [median(seconds.verify) * 1e3, median(seconds.read) * 1e3];
    report.record({
      case: `verification bytes=${bytesOf(values)} releases=${releases}`,
      verifyMsMedian: verifyMs,
      verifyMsMax: Math.max(...seconds.verify) * 1e3,
      readAndHashMsMedian: readMs,
      busyCores: others(),
    });
    report.text(
      `## Verification\n\nAll that an agent checks of one new release beside its bytes, in a catalogue of ${releases}: the ` +
        `walk over timestamp, snapshot, catalogue and pins (twice: before and after the fetch), who runs what, and the ` +
        `manifest. Median ${figure(verifyMs)} ms; reading and hashing its 1.2 MB takes ${figure(readMs)} ms. The bar is ${barMs} ms.`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
