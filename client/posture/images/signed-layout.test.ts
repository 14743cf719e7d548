import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../base/canonical-json.ts';
import { unwrap } from '../../../base/fault.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { type Described, ecdsa, ed25519, MadeLayout, type Pair, pemOf } from '../testing/made-layout.ts';
import { readImageKey } from './image-key.ts';
import { imagesOf, verdictOf } from './pod-images.ts';
import { readSignedLayout } from './signed-layout.ts';

const keyOf = ({ publicKey }: Pair) => unwrap(readImageKey(pemOf(publicKey)));
const newLayout = () => new MadeLayout(tempDir());

async function verdicts(layout: MadeLayout, digests: readonly string[], keys: readonly Pair[]) {
  const read = unwrap(await readSignedLayout(layout.write(), keys.map(keyOf)));
  return digests.map((digest) => verdictOf(digest, [read]));
}

const cosignSign = 'https://sigstore.dev/cosign/sign/v1';
const ourRelease = 'urn:testudo:image-release:1';

describe.each([
  ['ECDSA P-256', ecdsa],
  ['Ed25519', ed25519],
])('a layout with signatures by %s', (_name, newPair) => {
  const [ours, theirs] = [newPair(), newPair()];

  it('says of each image whether one of the keys has signed it, in each form of signature', async () => {
    const layout = newLayout();
    const digests = ['simple', 'bundle', 'dsse', 'theirs', 'none'].map((name) => layout.image(name).digest);
    const [simple, bundle, dsse, other] = digests as [string, string, string, string];
    layout.cosign(simple, ours);
    layout.dsse(bundle, ours, cosignSign, true);
    layout.dsse(dsse, ours, ourRelease);
    layout.cosign(other, theirs);
    const absent = `sha256:${'0'.repeat(64)}`;
    expect(await verdicts(layout, [...digests, absent], [ours])).toEqual(
      ['signed', 'signed', 'signed', 'unsigned', 'unsigned', 'unknown'], // And what nobody looked at is not called signed.
    );
    expect(await verdicts(layout, [simple, other], [ours, theirs])).toEqual(['signed', 'signed']);
    expect(await verdicts(layout, [simple], [])).toEqual(['unsigned']);
  });

  it('takes nothing else that a key has signed for a signature of the image', async () => {
    const layout = newLayout();
    const digests = ['flaws', 'other type', 'borrowed'].map((name) => layout.image(name).digest);
    const [flaws, otherType, borrowed] = digests as [string, string, string];
    layout.dsse(flaws, ours, 'https://cosign.sigstore.dev/attestation/vuln/v1', true);
    layout.cosign(otherType, ours, 'atomic container signature');
    // A payload that names this image, under a signature that the key made of something else.
    layout.cosign(borrowed, ours, undefined, Buffer.from('another payload'));
    expect(await verdicts(layout, digests, [ours])).toEqual(['unsigned', 'unsigned', 'unsigned']);
  });
});

describe('readSignedLayout', () => {
  const ours = ed25519();

  it('lets the signature of an index of platforms speak for the images in it', async () => {
    const layout = newLayout();
    const [amd, arm] = [layout.image('amd', false), layout.image('arm', false)];
    const whole = layout.blob('application/vnd.oci.image.index.v1+json', {
      schemaVersion: 2,
      manifests: [amd, arm],
    } as unknown as JsonValue);
    layout.manifests.push(whole);
    const digests = [whole.digest, amd.digest, arm.digest];
    expect(await verdicts(layout, digests, [ours])).toEqual(['unsigned', 'unsigned', 'unsigned']);
    layout.cosign(whole.digest, ours);
    expect(await verdicts(layout, digests, [ours])).toEqual(['signed', 'signed', 'signed']);
  });

  it('believes no blob that is not what its digest says, and waits for nothing', async () => {
    const layout = newLayout();
    const [changed, gone, pipe] = ['changed', 'gone', 'pipe'].map((name) => layout.image(name)) as [
      Described,
      Described,
      Described,
    ];
    for (const { digest } of [changed, gone, pipe]) layout.cosign(digest, ours);
    const signatures = layout.manifests.slice(3);
    appendFileSync(layout.path((signatures[0] as Described).digest), ' ');
    rmSync(layout.path((signatures[1] as Described).digest));
    const path = layout.path((signatures[2] as Described).digest);
    rmSync(path);
    execFileSync('mkfifo', [path]);
    expect(await verdicts(layout, [changed.digest, gone.digest, pipe.digest], [ours])).toEqual([
      'unsigned',
      'unsigned',
      'unsigned',
    ]);
    const endless = newLayout();
    symlinkSync('/dev/zero', join(endless.folder, 'index.json'));
    expect(await readSignedLayout(endless.folder, [])).toMatchObject({ ok: false });
  });

  it('refuses what is no layout, and one that holds more than it will read', async () => {
    const refused = { ok: false, fault: { code: 'LAYOUT_UNREADABLE' } };
    expect(await readSignedLayout(join(tempDir(), 'nowhere'), [])).toMatchObject(refused);
    const layout = newLayout();
    const digestAt = (at: number) => `sha256:${at.toString(16).padStart(64, '0')}`;
    for (let at = 0; at < 10_001; at += 1) layout.manifests.push({ mediaType: '', digest: digestAt(at), size: 1 });
    writeFileSync(join(layout.folder, 'index.json'), JSON.stringify({ manifests: layout.manifests }));
    expect(await readSignedLayout(layout.folder, [])).toMatchObject(refused);
  });

  it('refuses indexes that name the same images without end: what waits to be read would fill the memory', async () => {
    const layout = newLayout();
    const { digest } = layout.image('web', false);
    const manifests = new Array<JsonValue>(8_500).fill({ digest, size: 1 });
    for (let at = 0; at < 12; at += 1) {
      layout.manifests.push(layout.blob('application/vnd.oci.image.index.v1+json', { at, manifests }));
    }
    expect(await readSignedLayout(layout.write(), [])).toMatchObject({
      ok: false,
      fault: { code: 'LAYOUT_UNREADABLE', message: expect.stringContaining('100000 names') },
    });
  });
});

describe('the bytes that one layout may cost', () => {
  const tooMany = (bytes: number) => ({
    ok: false,
    fault: { code: 'LAYOUT_UNREADABLE', message: expect.stringContaining(`or ${bytes} bytes`) },
  });

  it('are bounded together, whatever each blob has: what is read counts, be it what its digest says or not', async () => {
    const layout = newLayout();
    for (const at of [1, 2, 3]) {
      const { digest } = layout.blob('application/vnd.oci.image.manifest.v1+json', { at });
      writeFileSync(layout.path(digest), Buffer.alloc(2_000, 'not what its digest says'));
      layout.manifests.push({ mediaType: '', digest, size: 1 });
    }
    layout.image('web');
    const folder = layout.write();
    expect(await readSignedLayout(folder, [], 5_000)).toMatchObject(tooMany(5_000));
    expect(await readSignedLayout(folder, [], 20_000)).toMatchObject({ ok: true, value: { isWhole: false } });
  });

  it('are bounded also where one manifest names one large signature without end', async () => {
    const layout = newLayout();
    const envelope = layout.blob('application/vnd.dsse.envelope.v1+json', { payload: 'x'.repeat(100_000) });
    layout.attach(new Array(1_000).fill(envelope));
    expect(await readSignedLayout(layout.write(), [], 1_000_000)).toMatchObject(tooMany(1_000_000));
  });
});

describe('readImageKey', () => {
  it('takes keys as cosign and our own tool print them, and no others', () => {
    const { publicKey } = ed25519();
    const { x = '' } = publicKey.export({ format: 'jwk' });
    const hex = Buffer.from(x, 'base64url').toString('hex');
    expect(unwrap(readImageKey(`${hex}\n`)).equals(unwrap(readImageKey(pemOf(publicKey))))).toBe(true);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const secret = ed25519().privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    for (const wrong of ['', 'xyz', '00'.repeat(32), pemOf(rsa.publicKey), secret]) {
      expect(readImageKey(wrong), wrong.slice(0, 40)).toMatchObject({ ok: false, fault: { code: 'KEY_INVALID' } });
    }
  });
});

describe('imagesOf', () => {
  const digest = (at: number) => `sha256:${String(at).repeat(64)}`;

  it('takes the digest of the spec, else what the node pulled, and none from a configuration’s', () => {
    const container = (name: string, image: string) => ({ name, image });
    const containers = [container('a', `web@${digest(1)}`), container('b', 'web:1'), container('c', 'web:1')];
    const statuses = [
      { name: 'a', imageID: `web@${digest(2)}` },
      { name: 'b', imageID: `registry.example/web@${digest(3)}` },
      { name: 'c', imageID: digest(4) },
    ];
    const images = imagesOf({
      spec: { containers, initContainers: [container('i', 'web:1')] },
      status: { containerStatuses: statuses, initContainerStatuses: [] },
    });
    expect(images.map((image) => image.digest)).toEqual([undefined, digest(1), digest(3), undefined]);
  });
});
